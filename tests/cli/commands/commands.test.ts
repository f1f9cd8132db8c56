import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { parts } from "../../../cli/setup/setup-parts.mjs";
import { groups } from "../../../cli/terminal/command-groups.ts";
import { root } from "../../../cli/toolchain/places.ts";
import { runInProcess } from "../terminal/in-process.ts";

function isModule(file: string): boolean {
  return file.endsWith(".ts");
}

const packageSchema = z.object({
  scripts: z.record(z.string(), z.string()),
  orchard: z.object({ setup: z.record(z.string(), z.array(z.string())) }),
});
const { scripts, orchard } = packageSchema.parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
const folders = ["commands", "development"].map((folder) => join(root, "cli", folder));
const files = folders.flatMap((folder) => readdirSync(folder).map((file) => join(folder, file))).filter(isModule);
const commands = files.map((file) => basename(file, ".ts")).sort();

describe("the commands of orchard", () => {
  it("each have an npm script, and each npm script runs a command", () => {
    const started = Object.values(scripts).flatMap((script) => /setup\.mjs ([\w-]+)$/.exec(script)?.[1] ?? []);
    expect([...new Set(started)].sort()).toEqual(commands);
  });

  it("each export a command of the file's name", async () => {
    for (const file of files) {
      const { command } = await import(file);
      expect(command.name()).toBe(basename(file, ".ts"));
    }
  });

  it("only ask for setup parts that exist", () => {
    expect(commands).toEqual(expect.arrayContaining(Object.keys(orchard.setup).map((path) => path.split(" ")[0])));
    expect(Object.keys(parts)).toEqual(expect.arrayContaining(Object.values(orchard.setup).flat()));
  });
});

describe("orchard --help", () => {
  const help = async () => (await runInProcess("--help")).stdout;

  it("fits a screen", async () => {
    const lines = (await help()).split("\n");

    expect(lines.length).toBeLessThanOrEqual(50);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("groups the commands by what one wants, and leaves out those for work on the project", async () => {
    const text = await help();

    const positions = Object.values(groups).map((group) => text.indexOf(`\n${group}\n`));
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    expect(positions[0]).toBeGreaterThan(0);
    for (const file of files) {
      const listed = new RegExp(`^  ${basename(file, ".ts")} `, "m").test(text);
      expect(listed, file).toBe(file.includes("/commands/"));
    }
  });
});

it("color is left out of a pipe, also where CI is set", async () => {
  const options = { env: { CI: "true", GITHUB_ACTIONS: "true", ORCHARD_HOME: join(root, "nowhere") } };
  const { stdout } = await execa(process.execPath, [join(root, "cli", "main.ts"), "config"], options);

  expect(stdout).not.toContain("\u001b");
});
