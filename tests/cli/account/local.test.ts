import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../../cli/toolchain/places.ts";
import { type EmbeddedAccount, startEmbeddedAccount } from "./started-account.ts";

const startMs = 120_000;

describe("orchard local", () => {
  let account: EmbeddedAccount;
  beforeAll(async () => {
    account = await startEmbeddedAccount();
  }, startMs);
  afterAll(() => account.stop(), startMs);

  const orchard = (...args: readonly string[]) =>
    execa(process.execPath, [join(root, "cli", "main.ts"), ...args], {
      reject: false,
      env: { ORCHARD_HOME: account.home },
    });

  it("prints the environment variables and the stack's outputs", () => {
    expect(account.env).toMatchObject({
      AWS_ENDPOINT_URL: account.endpoint,
      AWS_REGION: expect.any(String),
      AWS_ACCESS_KEY_ID: expect.any(String),
      AWS_SECRET_ACCESS_KEY: expect.any(String),
    });
    expect(account.stateMachineArn).toContain(`arn:aws:states:${account.env["AWS_REGION"]}:000000000000:stateMachine:`);
  });

  it("is reused by the next command, without another deployment or upload", async () => {
    const { stdout, exitCode } = await orchard("local", "--json");

    expect(exitCode).toBe(0);
    expect(JSON.parse(String(stdout))).toMatchObject({ endpoint: account.endpoint, bucket: account.bucket });
  });

  it("refuses another port while it runs, with exit code 2", async () => {
    const { stderr, exitCode } = await orchard("start", "--port", "4759", "--json");

    expect(stderr).toContain(`already runs on ${account.endpoint}`);
    expect(exitCode).toBe(2);
  });

  it("ends with `local stop`, which then finds no account", async () => {
    expect((await orchard("local", "stop")).stdout).toBe("The account has stopped.");
    await expect(fetch(account.endpoint)).rejects.toThrow();
    expect((await orchard("local", "stop")).stdout).toBe("No account is running.");
  });
});
