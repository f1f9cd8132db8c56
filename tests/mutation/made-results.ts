import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { makeResults } from "../lambdas/results/make-results.ts";

/** Makes the outputs of runs once: starting Python for each mutant would take most of the time. */
export async function setup(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "orchard-made-results-"));
  await makeResults(folder);
  project.provide("madeResults", folder);
  return () => rmSync(folder, { recursive: true });
}
