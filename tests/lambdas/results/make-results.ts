import { join } from "node:path";
import { execa } from "execa";
import { python } from "../ministack.ts";

export const faults = [
  "none",
  "missing-row",
  "narrow-row",
  "nan",
  "null",
  "narrow-feature",
  "column",
  "no-statistics",
  "reference",
] as const;
export type Fault = (typeof faults)[number];

declare module "vitest" {
  interface ProvidedContext {
    /** Folder of the outputs that are made once for all runs of the tests; undefined if a test file makes its own. */
    readonly madeResults: string | undefined;
  }
}

/** Writes the outputs of a run with each fault into a folder of the fault's name. */
export async function makeResults(folder: string): Promise<void> {
  await execa(python, [join(import.meta.dirname, "make_results.py"), folder, ...faults]);
}
