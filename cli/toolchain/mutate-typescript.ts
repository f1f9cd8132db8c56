import { join } from "node:path";
import { childEnvironment } from "../setup/child-environment.mjs";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { MutationTarget } from "./mutation-targets.ts";
import { places } from "./places.ts";
import { runTool } from "./run-tool.ts";

/**
 * Runs StrykerJS, which prints the surviving mutants and the score.
 *
 * @returns false if it could not test the mutants
 */
export async function mutateTypeScript(lifetime: Lifetime, { files, tests }: MutationTarget): Promise<boolean> {
  const stryker = join(places.mutation, "node_modules", "@stryker-mutator", "core", "bin", "stryker.js");
  const args = [stryker, "run", "tests/mutation/stryker.config.json", "--mutate", files.join(",")];
  const env = { ...childEnvironment("tool"), ORCHARD_MUTATION_TESTS: tests.join(" ") };
  return !(await runTool(lifetime, "node", args, { show: true, env })).failed;
}
