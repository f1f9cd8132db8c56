import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectations } from "../../../cli/check-aws/expectations.ts";
import { runs } from "../../../cli/check-aws/observation.ts";
import type { Report } from "../../../cli/check-aws/report.ts";
import { findStacks } from "../../../cli/deployment/delete-stacks.ts";
import { root } from "../../../cli/toolchain/places.ts";
import { isDeep } from "../../deep.ts";
import { type EmptyAccount, main, makeImages, startEmptyAccount } from "../account/empty-account.ts";

const startMs = 120_000;
const checkMs = 1_200_000;

describe("check:aws on the embedded account", () => {
  let account: EmptyAccount;
  beforeAll(async () => {
    account = await startEmptyAccount();
    await makeImages(join(account.home, "photos"), 20);
  }, startMs);
  afterAll(() => account.stop(), startMs);

  const checkAws = (env: Readonly<Record<string, string | undefined>>, ...args: readonly string[]) =>
    execa(process.execPath, [main, "check-aws", ...args], {
      cwd: root,
      reject: false,
      extendEnv: false,
      stdin: "ignore",
      env: { ...account.env, ...env },
    });
  const region = () => ["--region", account.env["AWS_REGION"] ?? ""];
  const readReport = (): Report => JSON.parse(readFileSync(join(account.home, "report", "report.json"), "utf8"));
  const check = (...args: readonly string[]) =>
    checkAws(
      { AWS_ENDPOINT_URL: undefined },
      ...["--yes", ...region(), "--endpoint", account.endpoint, "--dataset", join(account.home, "photos")],
      ...["--report", join(account.home, "report"), ...args],
    );

  it.each([
    ["credentials", ["--max-usd", "1"], "There are no valid AWS credentials"],
    ["the ceiling", [], "required option '--max-usd <usd>' not specified"],
    ["a ceiling above 0", ["--max-usd", "0"], "It is a number of US dollars above 0"],
  ])("without %s ends with a message and exit code 2", { timeout: startMs }, async (_, args, message) => {
    const env = { AWS_ENDPOINT_URL: undefined, AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
    const { exitCode, stderr } = await checkAws(env, "--yes", ...region(), ...args);

    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(message) });
  });

  it("refuses a run whose quote is above the ceiling, and removes everything", { timeout: checkMs }, async ({
    skip,
  }) => {
    skip(!isDeep, "in test:deep");
    const { exitCode, stdout, stderr } = await check("--max-usd", "0.01", "--runs", "inventory");

    expect(exitCode, `${stdout}\n${stderr}`).toBe(0);
    const skipped = [{ kind: "x86", run: "inventory", reason: expect.stringContaining("the ceiling is 0.01 USD") }];
    expect(readReport()).toMatchObject({ skipped, observations: [], spentUsd: 0 });
    expect(await findStacks(account.clients)).toEqual([]);
  });

  // `npm test` plays the run that needs no Spark: it deploys, compares, removes and reports as the others do, which
  // tests/e2e plays without this command.
  const played = isDeep ? runs : (["stopped"] as const);
  // The embedded account has no volumes to encrypt: "encrypted" runs as "spot" does.
  const kinds = isDeep ? ["x86", "encrypted"] : ["x86"];

  it(`plays ${played.join(", ")} and finds no difference`, { timeout: checkMs }, async () => {
    const options = ["--max-usd", "20", "--on", ...kinds, "--runs", ...played, "-c", "encryptedVolumes=false"];
    const { exitCode, stdout, stderr } = await check(...options);

    expect(exitCode, `${stdout}\n${stderr}`).toBe(0);
    const report = readReport();
    const expected = expectations
      .filter((row) => row.runs.some((run) => played.some((one) => one === run)))
      .filter((row) => row.kinds?.some((kind) => kinds.includes(kind)) ?? true);
    expect(report.comparisons.map(({ assumption, same }) => ({ assumption, same }))).toEqual(
      expect.arrayContaining(expected.map(({ assumption }) => ({ assumption, same: true }))),
    );
    expect(report).toMatchObject({ failure: null, skipped: [] });
    expect(report.spentUsd).toBeGreaterThan(0);
    expect(await findStacks(account.clients)).toEqual([]);
  });
});
