import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { parts } from "../../../cli/setup/setup-parts.mjs";
import { root } from "../../../cli/toolchain/places.ts";

const packageSchema = z.object({
  scripts: z.record(z.string(), z.string()),
  orchard: z.object({ setup: z.record(z.string(), z.array(z.string())) }),
});
const { scripts, orchard } = packageSchema.parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
const commands = readdirSync(join(root, "cli", "commands"))
  .map((file) => basename(file, ".ts"))
  .sort();

describe("the commands of orchard", () => {
  it("each have an npm script, and each npm script runs a command", () => {
    const started = Object.values(scripts).flatMap((script) => /setup\.mjs ([\w-]+)$/.exec(script)?.[1] ?? []);
    expect([...new Set(started)].sort()).toEqual(commands);
  });

  it("each export a command of the file's name", async () => {
    for (const name of commands) {
      const { command } = await import(join(root, "cli", "commands", `${name}.ts`));
      expect(command.name()).toBe(name);
    }
  });

  it("only ask for setup parts that exist", () => {
    expect(commands).toEqual(expect.arrayContaining(Object.keys(orchard.setup)));
    expect(Object.keys(parts)).toEqual(expect.arrayContaining(Object.values(orchard.setup).flat()));
  });
});
