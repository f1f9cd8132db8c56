import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { buildPage } from "../../infra/pages.ts";
import type { Comparison } from "../../lambdas/contract/comparison.ts";
import { fillPage } from "../../shared/fill-page.ts";
import { isSystemError } from "../../shared/system-errors.mjs";
import { UsageError } from "../terminal/command-errors.ts";

/**
 * Writes the page of pages/compare/ with a comparison to a file, and replaces the file.
 *
 * @throws UsageError when the file cannot be written
 */
export async function writeComparisonPage(comparison: Comparison, file: string): Promise<void> {
  const { html } = await buildPage("compare");
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, fillPage(html, comparison));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new UsageError(`The page cannot be written: ${error.message}. Choose another file with --output.`);
  }
}
