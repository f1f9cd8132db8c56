import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { runInProcess } from "../terminal/in-process.ts";

const home = mkdtempSync(join(tmpdir(), "orchard-cli-"));
afterAll(() => rmSync(home, { recursive: true }));
beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) vi.stubEnv(name, undefined);
  const variables = { ORCHARD_HOME: home, HOME: home, AWS_EC2_METADATA_DISABLED: "true" };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

function orchard(args: string, env: Readonly<Record<string, string>> = {}) {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  return runInProcess(...args.split(" "));
}

describe("the account that a command uses", () => {
  it.each(["results latest", "run"])("%s --local needs one on this machine", async (command) => {
    const { exitCode, stderr } = await orchard(`${command} --local`);

    expect(stderr).toBe("No account runs on this machine. Start one: orchard local up");
    expect(exitCode).toBe(3);
  });

  it("is that of this machine with ORCHARD_LOCAL, too", async () => {
    expect((await orchard("results latest", { ORCHARD_LOCAL: "1" })).exitCode).toBe(3);
  });

  it.each(["--region eu-west-1", "--profile me"])("is not both: --local and %s", async (option) => {
    const { exitCode, stderr } = await orchard(`results latest --local ${option}`);

    expect(stderr).toContain("leave --region and --profile out, or --local");
    expect(exitCode).toBe(2);
  });

  it("is that of --profile, which is named when it does not exist", async () => {
    const { exitCode, stderr } = await orchard("results latest --region eu-west-1 --profile nobody");

    expect(stderr).toContain("There are no valid AWS credentials");
    expect(stderr).toContain("nobody");
    expect(exitCode).toBe(2);
  });

  it("is not on this machine when --profile names another one", async () => {
    const exports = { AWS_ENDPOINT_URL: "http://127.0.0.1:4566", AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "x" };
    const { exitCode, stderr } = await orchard("results latest --region eu-west-1 --profile me", exports);

    expect(stderr).toContain("AWS_PROFILE can lead to an account on AWS");
    expect(exitCode).toBe(2);
  });
});
