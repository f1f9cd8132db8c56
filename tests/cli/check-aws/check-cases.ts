import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it, vi } from "vitest";
import { expectations } from "../../../cli/check-aws/expectations.ts";
import { runs } from "../../../cli/check-aws/observation.ts";
import type { Report } from "../../../cli/check-aws/report.ts";
import { findStacks } from "../../../cli/deployment/delete-stacks.ts";
import { root } from "../../../cli/toolchain/places.ts";
import { isDeep } from "../../deep.ts";
import { orchard } from "../account/account-commands.ts";
import { type EmptyAccount, main } from "../account/empty-account.ts";

const checkMs = 1_200_000;

/**
 * Tests of `npm run check:aws`, which deploys, plays runs and removes everything.
 *
 * @param account has no stack of Orchard
 * @param photos a folder of images
 */
export function checkCases(account: () => EmptyAccount, photos: () => string): void {
  describe("check:aws on the embedded account", { timeout: checkMs }, () => {
    const region = () => ["--region", account().env["AWS_REGION"] ?? ""];
    const readReport = (): Report => JSON.parse(readFileSync(join(account().home, "report", "report.json"), "utf8"));
    const check = (...args: readonly string[]) => {
      const { endpoint, home, env } = account();
      const options = [
        "--yes",
        ...region(),
        "--endpoint",
        endpoint,
        "--dataset",
        photos(),
        "--report",
        join(home, "report"),
      ];
      return execa(process.execPath, [main, "check-aws", ...options, ...args], {
        cwd: root,
        reject: false,
        extendEnv: false,
        stdin: "ignore",
        env: { ...env, AWS_ENDPOINT_URL: undefined },
      });
    };

    it.each([
      ["credentials", ["--max-usd", "1"], "There are no valid AWS credentials"],
      ["the ceiling", [], "required option '--max-usd <usd>' not specified"],
      ["a ceiling above 0", ["--max-usd", "0"], "It is a number of US dollars above 0"],
    ])("without %s ends with a message and exit code 2", async (_, args, message) => {
      for (const name of ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
        vi.stubEnv(name, undefined);
      const { exitCode, stderr } = await orchard("check-aws", "--yes", ...region(), ...args);

      expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(message) });
    });

    it("refuses a run whose quote is above the ceiling, and removes everything", async ({ skip }) => {
      skip(!isDeep, "in test:deep");
      const { exitCode, stdout, stderr } = await check("--max-usd", "0.01", "--runs", "inventory");

      expect(exitCode, `${stdout}\n${stderr}`).toBe(0);
      const skipped = [{ kind: "x86", run: "inventory", reason: expect.stringContaining("the ceiling is 0.01 USD") }];
      expect(readReport()).toMatchObject({ skipped, observations: [], spentUsd: 0 });
      expect(await findStacks(account().clients)).toEqual([]);
    });

    // `npm test` plays only the run that needs no Spark. It deploys, compares, removes and reports as the others do.
    // tests/e2e plays the others without this command.
    const played = isDeep ? runs : (["stopped"] as const);
    // The embedded account has no volumes to encrypt: "encrypted" runs as "spot" does.
    const kinds = isDeep ? ["x86", "encrypted"] : ["x86"];

    it(`plays ${played.join(", ")} and finds no difference`, async () => {
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
      expect(await findStacks(account().clients)).toEqual([]);
    });
  });
}
