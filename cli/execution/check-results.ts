import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { asyncBufferFromFile, parquetMetadataAsync } from "hyparquet";
import { z } from "zod";
import { modeProperties } from "../../lambdas/contract/modes.ts";
import { planSchema } from "../../lambdas/contract/plan.ts";
import { manifestFile, referenceFolder } from "../../lambdas/contract/s3-layout.ts";
import { validationSchema } from "../../lambdas/contract/validation.ts";
import { readTextFile } from "../../shared/read-text-file.ts";
import { CommandFailed } from "../terminal/command-errors.ts";

/** A format of the results. */
export type Format = Manifest["plan"]["formats"][number];

export const manifestSchema = z.object({
  plan: planSchema.pick({ mode: true, input: true, features: true, formats: true, reusedFeatures: true }),
  validation: validationSchema,
});
export type Manifest = Readonly<z.output<typeof manifestSchema>>;

/** Reads the manifest.json of a copied run; undefined when the run has none, because it has no valid results (yet). */
export function readManifest(folder: string): Manifest | undefined {
  const path = join(folder, manifestFile);
  return existsSync(path) ? manifestSchema.parse(JSON.parse(readTextFile(path))) : undefined;
}

/**
 * Checks that a copy is complete by the run's manifest: it has each part, and each image's row in the Parquet files.
 *
 * @param formats the formats that were copied
 * @throws CommandFailed naming what is missing
 */
export async function checkResults(folder: string, manifest: Manifest, formats: readonly Format[]): Promise<void> {
  const { plan, validation } = manifest;
  const written = plan.formats.filter((format) => formats.includes(format));
  const missing: string[] = [];
  for (const file of filesOf(manifest)) if (!existsSync(join(folder, file))) missing.push(`${file} is missing`);
  for (const part of partsOf(manifest)) {
    for (const format of written) {
      const path = join(part, format);
      const files = [
        ...(await filesIn(join(folder, path), `.${format}`)),
        // A reused image has a row in the reference instead.
        ...(part === "features" && hasReference(manifest)
          ? await filesIn(join(folder, referenceFolder), `.${format}`)
          : []),
      ];
      if (files.length === 0) missing.push(`${path}/ has no .${format} file`);
      else if (format === "parquet") {
        const rows = await countRows(files);
        if (rows !== validation.images) missing.push(`${path}/ has ${rows} of ${validation.images} rows`);
      }
    }
  }
  if (missing.length === 0) return;
  throw new CommandFailed(
    `The results in ${folder} are not what ${manifestFile} says: ${missing.join("; ")}. If they are incomplete on S3 too, the run has to be repeated: orchard run --force`,
  );
}

/** The folders that have a subfolder for each format. A run that only reduces uses the features of an earlier run. */
function partsOf({ plan }: Pick<Manifest, "plan">): readonly string[] {
  if (!modeProperties(plan.mode).computesFeatures) return [];
  return plan.features === null ? ["features", "pca"] : ["pca"];
}

/** Whether the features of reused images are not among the results, but in the features store. */
export function hasReference({ plan }: Manifest): boolean {
  return plan.reusedFeatures === "reference" && partsOf({ plan }).includes("features");
}

function filesOf({ plan }: Manifest): readonly string[] {
  const inventory = plan.features === null ? ["inventory/metadata", "inventory/stats"] : [];
  if (!modeProperties(plan.mode).computesFeatures) return inventory;
  return [...inventory, "model_info/model_info.json", "model_info/variance.csv", "model_info/pca.npz"];
}

/** The files with an ending directly in a folder, in the order of their names; none if there is no such folder. */
export async function filesIn(folder: string, ending: string): Promise<readonly string[]> {
  if (!existsSync(folder)) return [];
  const names = (await readdir(folder)).filter((name) => name.endsWith(ending));
  return names.sort().map((name) => join(folder, name));
}

async function countRows(files: readonly string[]): Promise<number> {
  let rows = 0;
  for (const file of files) rows += Number((await parquetMetadataAsync(await asyncBufferFromFile(file))).num_rows);
  return rows;
}
