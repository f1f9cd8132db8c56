import { cpSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { childEnvironment } from "../setup/child-environment.mjs";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { MutationTarget } from "./mutation-targets.ts";
import { places, root } from "./places.ts";
import { runTool } from "./run-tool.ts";

/** Seconds after which a mutant counts as killed, because it has made a loop endless. */
const timeoutSeconds = 120;

/** Operators whose mutants raise a TypeError in arithmetic or in type hints such as `int | None`, so any test finds them. */
const pointless = [
  "core/ReplaceBinaryOperator_.*_(RShift|LShift|BitOr|BitAnd|BitXor)",
  "core/ReplaceBinaryOperator_BitOr_.*",
];

/** Copies the project, because Cosmic Ray changes the files in place. */
function copyProject(): string {
  const copy = join(places.mutation, "copy");
  rmSync(copy, { recursive: true, force: true });
  const left = new Set([".git", ".orchard", "node_modules", "cdk.out", "results"]);
  for (const name of readdirSync(root)) {
    if (!left.has(name)) cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, ".orchard"), join(copy, ".orchard"));
  return copy;
}

function settings({ files, tests }: MutationTarget): string {
  const test = ["python", "-m", "pytest", "-x", ...tests].join(" ");
  return `[cosmic-ray]
module-path = ${JSON.stringify(files)}
timeout = ${timeoutSeconds}
excluded-modules = []
test-command = ${JSON.stringify(test)}

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = ${JSON.stringify(pointless)}
`;
}

/**
 * Runs Cosmic Ray, and prints the surviving mutants and the score. Tests that need a Spark session are left out, because
 * starting one for each mutant would take hours.
 *
 * @returns false if it could not test the mutants
 */
export async function mutatePython(lifetime: Lifetime, target: MutationTarget): Promise<boolean> {
  const config = join(places.mutation, "cosmic-ray.toml");
  const session = join(places.mutation, "cosmic-ray.sqlite");
  rmSync(session, { force: true });
  writeFileSync(config, settings(target));
  const env = { ...childEnvironment("tool"), ORCHARD_WITHOUT_SPARK: "1", PYTHONDONTWRITEBYTECODE: "1" };
  const options = { cwd: copyProject(), show: true, env };
  const tool = (name: string): string => join(places.mutation, "python", "bin", name);
  const steps: readonly (readonly [command: string, ...args: string[]])[] = [
    [tool("cosmic-ray"), "init", config, session],
    [tool("cr-filter-operators"), session, config],
    // The tests must pass without a mutation.
    [tool("cosmic-ray"), "baseline", config],
    [tool("cosmic-ray"), "exec", config, session],
    ["python", "tests/mutation/report.py", session],
  ];
  for (const [command, ...args] of steps) {
    if ((await runTool(lifetime, command, args, options)).failed) return false;
  }
  return true;
}
