// The npm package, installed in an empty folder. Its modules are links to the project's, except for those that only the
// work on the project needs.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import getPort from "get-port";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { root } from "../../../cli/toolchain/places.ts";
import { isDeep } from "../../deep.ts";

const allMs = 600_000;
const packedSchema = z.tuple([z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) })]);
const lockSchema = z.object({ packages: z.record(z.string(), z.object({ dev: z.boolean().optional() })) });

let folder: string;
/** The folder in which a person has installed the package. */
let person: string;
let packed: readonly string[];

function linkInto(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}

/** Installs the packages that the lock names for the use of the package. */
function installModules(modules: string): void {
  const { packages } = lockSchema.parse(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")));
  for (const [path, { dev = false }] of Object.entries(packages)) {
    // A package below another one comes with it.
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1];
    if (name && !dev && existsSync(join(root, path))) linkInto(join(root, path), join(modules, name));
  }
  for (const tool of ["node", "cdk"]) linkInto(join(root, "node_modules", ".bin", tool), join(modules, ".bin", tool));
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "orchard-package-"));
  person = join(folder, "person's folder");
  const npm = await execa("npm", ["pack", "--json", "--pack-destination", folder], { cwd: root });
  const [{ filename, files }] = packedSchema.parse(JSON.parse(npm.stdout));
  packed = files.map(({ path }) => path);
  const modules = join(person, "node_modules");
  mkdirSync(join(modules, "orchard"), { recursive: true });
  await execa("tar", ["-xzf", join(folder, filename), "-C", join(modules, "orchard"), "--strip-components=1"]);
  installModules(modules);
  linkInto(join(modules, "orchard", "cli", "setup", "installed.mjs"), join(modules, ".bin", "orchard"));
}, allMs);
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a command as npx does, in the person's folder, without credentials. */
async function orchard(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { exitCode, stdout, stderr } = await execa(join(person, "node_modules", ".bin", "orchard"), args, {
    cwd: person,
    reject: false,
    extendEnv: false,
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, AWS_EC2_METADATA_DISABLED: "true", NO_COLOR: "1", ...env },
  });
  return { exitCode, stdout, stderr };
}

/** The copy of the package that runs. */
function copyIn(state: string): string {
  const [copy = "", ...others] = readdirSync(state).filter((name) => name.startsWith("app-"));
  expect(others).toEqual([]);
  return join(state, copy);
}

describe("the npm package", { timeout: allMs }, () => {
  it("has no files for the work on the project", () => {
    const folders = new Set(packed.map((path) => path.split("/")[0]));
    expect([...folders].sort()).toEqual([
      ...["CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md", "bootstrap", "cdk.json", "cli", "docs", "infra"],
      ...["lambdas", "local", "package.json", "pages", "shared", "spark", "statemachine"],
    ]);
    expect(
      packed.filter((path) => /check-aws|infra\/check|license|mutat|requirements\S*\.in|__pycache__/.test(path)),
    ).toEqual([]);
  });

  it("runs with npx, and keeps its state in .orchard of the folder", async () => {
    const npx = await execa("npx", ["--no-install", "orchard", "--help"], { cwd: person, env: { HOME: folder } });

    expect(npx.stdout).toMatch(/^ {2}start +run the whole workflow here/m);
    expect(npx.stdout).toMatch(/^ {2}deploy +deploy the workflow/m);
    expect(readdirSync(person).sort()).toEqual([".orchard", "node_modules"]);
    expect(copyIn(join(person, ".orchard"))).toMatch(/app-[0-9a-f]{12}$/);
  });

  it("checks the machine and the account, with exit code 1", async () => {
    const { exitCode, stdout, stderr } = await orchard(["doctor", "--region", "eu-west-1"]);

    expect(stdout).toMatch(/✔ +node +\d+\.\d+/);
    expect(stdout).toContain("There are no valid AWS credentials");
    expect(stderr).toMatch(/^✖ A run would not start/);
    expect(exitCode).toBe(1);
  });

  it("refuses a plan without an account, with exit code 3", async () => {
    const { exitCode, stderr } = await orchard(["plan", "--local"]);

    expect(stderr).toBe("✖ No account runs on this machine. Start one: orchard local up");
    expect(exitCode).toBe(3);
  });

  it.each([
    ["start --nonsense", /unknown option '--nonsense'/],
    ["start --mode single-class", /needs a label/],
    ["local up --port no", /--port must be a whole number/],
  ])("refuses a wrong command line before the set-up: %s", async (args, message) => {
    const { exitCode, stderr } = await orchard(args.split(" "));

    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/set|Python/i);
    expect(exitCode).toBe(2);
  });

  it("sets up for a right command line, which needs Python", async () => {
    const { exitCode, stderr } = await orchard(["start"], { PATH: dirname(process.execPath) });

    expect(stderr).toMatch(/^✖ Python 3\.11 was not found on the PATH/);
    expect(exitCode).toBe(2);
  });

  it("keeps its state in ORCHARD_HOME, and says so where nobody may write", async () => {
    const state = join(folder, "state");
    expect((await orchard(["local", "status"], { ORCHARD_HOME: state })).exitCode).toBe(3);
    expect(existsSync(join(copyIn(state), "cli", "main.ts"))).toBe(true);

    const file = join(folder, "file");
    writeFileSync(file, "");
    const { exitCode, stderr } = await orchard(["status"], { ORCHARD_HOME: join(file, "state") });
    expect(stderr).toMatch(
      /^✖ .*\/file\/state cannot hold Orchard's state: ENOTDIR.*\nGo to a folder .* ORCHARD_HOME.*\.$/,
    );
    expect(exitCode).toBe(1);
  });

  it("has all files of which the parts of the set-up are made", async () => {
    const setup = join(copyIn(join(person, ".orchard")), "cli", "setup");
    const code = `
      import { partsOf } from ${JSON.stringify(join(setup, "command-parts.mjs"))};
      import { isReady } from ${JSON.stringify(join(setup, "install-parts.mjs"))};
      console.log(JSON.stringify(partsOf(["start"]).map((part) => [part, isReady(part)])));`;
    const { stdout } = await execa(process.execPath, ["--input-type=module", "--eval", code]);

    const parts = ["uv", "python-packages", "jars", "spark", "model", "wheelhouse"];
    expect(Object.keys(Object.fromEntries(JSON.parse(stdout)))).toEqual(parts);
  });

  it("bundles the functions from their sources", async () => {
    const bundles = join(folder, "bundles");
    await execa(process.execPath, [join(copyIn(join(person, ".orchard")), "infra", "bundle.ts"), bundles]);

    expect(readdirSync(bundles)).toContain("preflight");
  });

  it.runIf(isDeep)("runs the whole workflow, with the tools of this project", async () => {
    const state = join(person, ".orchard");
    for (const part of ["jars", "model", "python", "uv", "wheelhouse"]) {
      symlinkSync(join(root, ".orchard", part), join(state, part));
    }
    // The class archive is valid for the paths that the settings name, which are the links' targets.
    cpSync(join(root, ".orchard", "spark"), join(state, "spark"), { recursive: true });
    const stamp = join(state, "spark", ".stamp");
    writeFileSync(stamp, readFileSync(stamp, "utf8").replace(/\S+$/, state));
    const { exitCode, stdout, stderr } = await orchard([
      "start",
      "--limit",
      "20",
      "--components",
      "2",
      "--json",
      "--port",
      String(await getPort()),
    ]);

    expect(exitCode, stderr).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.status).toBe("SUCCEEDED");
    expect(existsSync(join(person, "results", report.runId, "manifest.json"))).toBe(true);
  });
});
