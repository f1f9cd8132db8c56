import { cpSync, mkdtempSync, rmSync } from "node:fs";
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

  it("is checked before anything is installed, with one line and exit code 2", async () => {
    const folder = join(mkdtempSync(join(tmpdir(), "orchard-setup-")), "a:b");
    for (const path of ["cli/setup", "shared", "package.json"]) {
      cpSync(join(root, path), join(folder, path), { recursive: true });
    }

    const { exitCode, stderr } = await execa(process.execPath, [join(folder, "cli", "setup", "setup.mjs"), "start"], {
      reject: false,
    });

    expect(stderr).toMatch(/^✖ The project's folder is .* cannot work in a path with ":"[^\n]*$/);
    expect(exitCode).toBe(2);
    rmSync(join(folder, ".."), { recursive: true });
  });
});
