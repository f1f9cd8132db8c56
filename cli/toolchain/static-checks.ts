import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Lifetime } from "../terminal/lifetime.ts";
import { root } from "./places.ts";
import { runTool } from "./run-tool.ts";

const skipped = new Set(["node_modules", "cdk.out", "results", "docs"]);

/** Lists the top-level folders that contain Python files. */
function pythonFolders(): readonly string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && !skipped.has(entry.name))
    .map(({ name }) => name)
    .filter((name) => readdirSync(join(root, name), { recursive: true }).some((file) => String(file).endsWith(".py")));
}

/** The checks of types, lint and format, in both languages, by the names that are printed. */
function checks(): Readonly<Record<string, readonly [command: string, ...args: string[]]>> {
  return {
    tsc: ["tsc", "--noEmit", "--project", "."],
    // The pages have the types of browsers, which no other folder may use.
    "tsc pages": ["tsc", "--noEmit", "--project", "pages"],
    biome: ["biome", "check", "."],
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    mypy: ["mypy", "--no-error-summary", ...pythonFolders()],
  };
}

export interface CheckResult {
  readonly name: string;
  readonly failed: boolean;
}

/** Runs all checks side by side, even if one fails, and prints the output of those that failed. */
export async function runChecks(lifetime: Lifetime): Promise<readonly CheckResult[]> {
  return Promise.all(
    Object.entries(checks()).map(async ([name, [command, ...args]]) => {
      const { failed, output } = await runTool(lifetime, command, args);
      process.stdout.write(`${failed ? `✖ ${name}\n${output.trimEnd()}` : `✔ ${name}`}\n`);
      return { name, failed };
    }),
  );
}
