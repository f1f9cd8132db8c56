import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { listLayers, mergeLayers, sourceOf } from "../../../cli/deployment/config-sources.ts";
import { knobSections } from "../../../infra/config/knobs.ts";
import { runInProcess } from "../terminal/in-process.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "orchard-config-"));
  writeFileSync(join(folder, ".cdk.json"), '{"context":{"nat":"true"}}');
  writeFileSync(join(folder, "knobs.json"), '{"maxCostUsd":4,"coreCount":2,"nat":false}');
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  vi.unstubAllEnvs();
});

/** Runs the command without an account. The folder is the home, in which the CDK finds a .cdk.json. */
async function config(args: readonly string[], env: Readonly<Record<string, string | undefined>> = {}) {
  const variables = { HOME: folder, NO_COLOR: "1", AWS_REGION: "eu-west-1", INIT_CWD: folder, AWS_PROFILE: undefined };
  for (const [name, value] of Object.entries({ ...variables, ...env })) vi.stubEnv(name, value);
  return runInProcess("config", ...args);
}

describe("orchard config", () => {
  it("shows each value with its source, and the words of the reference where there is none", async () => {
    const { exitCode, stdout, stderr } = await config(["--config", join(folder, "knobs.json"), "-c", "maxCostUsd=2.5"]);

    expect(stderr).toBe("");
    expect(stdout).toContain("Region: eu-west-1 (AWS_REGION)");
    const rows = stdout.split("\n").map((line) => line.trim().split(/\s{2,}/));
    expect(rows).toContainEqual(["KNOB", "SOURCE", "VALUE"]);
    expect(rows).toContainEqual(["maxCostUsd", "-c", "2.5"]);
    expect(rows).toContainEqual(["coreCount", "knobs.json", "2"]);
    expect(rows).toContainEqual(["nat", "~/.cdk.json", "true"]);
    expect(rows).toContainEqual(["market", "default", "ON_DEMAND"]);
    expect(rows).toContainEqual(["executorMemory", "default", "(derived from the instance type)"]);
    expect(exitCode).toBe(0);
  });

  it("prints every knob as JSON", async () => {
    const { exitCode, stdout, stderr } = await config(["--email", "me@example.org", "--region", "eu-west-3", "--json"]);

    const { region, knobs } = JSON.parse(stdout);
    expect(region).toEqual({ value: "eu-west-3", source: "--region" });
    expect(knobs.map(({ knob }: { readonly knob: string }) => knob)).toEqual(
      Object.values(knobSections).flatMap((section) => Object.keys(section)),
    );
    expect(knobs).toContainEqual(
      expect.objectContaining({
        knob: "notificationEmail",
        section: "Mail",
        value: "me@example.org",
        source: "--email",
      }),
    );
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
  });

  it("shows what orchard local deploys with", async () => {
    const { knobs } = JSON.parse((await config(["--local", "--json"])).stdout);

    expect(knobs).toContainEqual(
      expect.objectContaining({ knob: "securityConfiguration", value: "none", source: "orchard local" }),
    );
  });

  it.each([
    [["-c", "maxCost=2"], {}, "maxCost: there is no such knob; did you mean maxCostUsd?"],
    [["-c", "maxCostUsd=free"], {}, 'maxCostUsd: given "free"; allowed: US dollars from 0.01 to 100000'],
    [["-c", "maxCostUsd"], {}, '-c takes key=value, not "maxCostUsd"'],
    [["--config", "nowhere.json"], {}, "allowed: a JSON file that exists"],
    [[], { AWS_REGION: "us-east-1" }, "allowNonEuRegion: given false, and the region is us-east-1"],
    [["--local", "-c", "nat=true"], {}, "leave --email, --config and -c out"],
  ])("reports %j %j as deploy does, with exit code 2", async (args, env, message) => {
    const { exitCode, stdout, stderr } = await config(args, env);

    expect(stderr).toContain(message);
    expect(stderr).not.toContain("    at ");
    expect(stdout).toBe("");
    expect(exitCode).toBe(2);
  });
});

describe("the sources of the configuration", () => {
  it("win in the CDK's order", () => {
    const project = join(folder, "project");
    mkdirSync(project);
    writeFileSync(join(project, "cdk.context.json"), '{"nat":"project","keyPair":"project"}');
    writeFileSync(join(project, "cdk.json"), '{"context":{"keyPair":"cdk.json"}}');

    const layers = listLayers({}, project, folder);

    expect(mergeLayers(layers)).toEqual({ nat: "project", keyPair: "cdk.json" });
    expect(sourceOf(layers, "nat")).toBe("cdk.context.json");
    expect(sourceOf(layers, "keyPair")).toBe("cdk.json");
    expect(sourceOf(layers, "vpcId")).toBeUndefined();
  });

  it("do not include a file that is not JSON", () => {
    writeFileSync(join(folder, "project", "cdk.json"), "{");

    expect(() => listLayers({}, join(folder, "project"), folder)).toThrow(/cdk.json must hold one JSON object/);
  });
});
