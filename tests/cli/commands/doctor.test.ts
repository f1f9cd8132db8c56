import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { machineChecks } from "../../../cli/toolchain/machine-checks.ts";
import { runChecks } from "../../../lambdas/preflight/checks/run-checks.ts";
import { runInProcess } from "../terminal/in-process.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "orchard-doctor-"));
  const variables = { ORCHARD_HOME: folder, HOME: folder, NO_COLOR: "1", AWS_EC2_METADATA_DISABLED: "true" };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  // cli/toolchain/places.ts has read the variables when this file imported it.
  vi.resetModules();
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Runs the command with a home without credentials. */
function doctor(...args: readonly string[]) {
  return runInProcess("doctor", ...args);
}

describe("orchard doctor without an account", () => {
  it("reports the machine all the same, and how to start one, with exit code 1", async () => {
    const { exitCode, stdout, stderr } = await doctor("--local");

    expect(stdout).toMatch(/✔ +node +2\d\.\d/);
    expect(stdout).toMatch(/✔ +disk-space +\S+ \S+ free in /);
    expect(stdout).toMatch(/✖ +account +No account runs on this machine/);
    expect(stdout).toContain("→ ");
    expect(stderr).toMatch(/A run would not start: 1 of \d checks failed\.$/);
    expect(exitCode).toBe(1);
  });

  it("prints the same as JSON", async () => {
    const { exitCode, stdout } = await doctor("--region", "eu-west-1", "--profile", "nobody", "--json");

    const { ok, checks } = JSON.parse(stdout);
    expect(ok).toBe(false);
    expect(checks).toContainEqual({
      name: "account",
      ok: false,
      detail: expect.stringContaining("There are no valid AWS credentials"),
      remedy: expect.stringContaining("Log in"),
      isWarning: false,
    });
    expect(exitCode).toBe(1);
  });
});

describe("the checks of this machine", () => {
  const outcomeOf = async (name: string, given: Parameters<typeof machineChecks>[0]) =>
    (await runChecks(machineChecks(given).filter((check) => check.name === name)))[0];

  it("need Node 20", async () => {
    expect(await outcomeOf("node", { nodeVersion: "18.20.1" })).toMatchObject({
      ok: false,
      detail: "This is Node 18.20.1; 20 or newer is needed",
      remedy: "Install a newer Node",
    });
    expect(await outcomeOf("node", { nodeVersion: "20.0.0" })).toMatchObject({ ok: true });
  });

  it("need room on the disk", async () => {
    const needed = Number.MAX_SAFE_INTEGER;

    expect(await outcomeOf("disk-space", { folder, needed })).toMatchObject({ ok: false, isWarning: false });
    expect(await outcomeOf("disk-space", { folder, needed: 1 })).toMatchObject({ ok: true });
  });
});
