import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { pathProblem } from "../../../cli/setup/setup-paths.mjs";
import { root } from "../../../cli/toolchain/places.ts";

describe("the path of the project", () => {
  it.each([
    "/home/DIR projects/orchard",
    "/home/évé",
    "/home/it's",
    '/home/"x"',
    "/a$b`c`;&#%20 (1)",
    `/${"x".repeat(200)}`,
  ])("may be %s", (path) => {
    expect(pathProblem("The folder", path)).toBeUndefined();
  });

  it.each([":", ",", "\\", "[", "]", "{", "}", "*", "?", "\n", "\u001b"])("may not have %j", (character) => {
    expect(pathProblem("The folder", `/home/a${character}b`)).toContain(`a path with ${JSON.stringify(character)}.`);
  });

  /** Runs the set-up of a copy of the project in a folder of this name. */
  async function setUp(name: string, prepare: (folder: string) => void) {
    const parent = mkdtempSync(join(tmpdir(), "orchard-setup-"));
    const folder = join(parent, name);
    for (const path of ["cli/setup", "shared", "package.json"]) {
      cpSync(join(root, path), join(folder, path), { recursive: true });
    }
    prepare(folder);
    const setup = join(folder, "cli", "setup", "setup.mjs");
    const { exitCode, stderr } = await execa(process.execPath, [setup, "start"], { reject: false });
    rmSync(parent, { recursive: true });
    return { exitCode, stderr };
  }

  it("is checked before anything is installed, with one line and exit code 2", async () => {
    const { exitCode, stderr } = await setUp("a:b", () => undefined);

    expect(stderr).toMatch(/^✖ The project's folder is .* cannot work in a path with ":"[^\n]*$/);
    expect(exitCode).toBe(2);
  });

  it("has a place for what the set-up makes, or the set-up ends with one line and exit code 1", async () => {
    const { exitCode, stderr } = await setUp("a", (folder) => writeFileSync(join(folder, ".orchard"), "a file"));

    expect(stderr).toMatch(
      /^✖ The set-up cannot write: EEXIST: .*\/a\/\.orchard'\. Make room or .*, and start again\.$/,
    );
    expect(exitCode).toBe(1);
  });
});
