import type { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { isNamed } from "../aws/errors.ts";
import { listObjects, MalformedObject, parseS3Uri, readJson, type S3Location, writeJson } from "../aws/s3.ts";
import { formats, referenceDays } from "../contract/choices.ts";
import { type FeaturesSettings, featuresIdentity } from "../contract/decoder.ts";
import { type Pca, type Plan, pcaSchema, planSchema } from "../contract/plan.ts";
import { featuresOf, featuresRunOf, manifestFile, runIndexPrefix } from "../contract/s3-layout.ts";
import { type Validation, validationSchema } from "../contract/validation.ts";

/** The parts of earlier valid runs of the same images and model that a new run can reuse. */
export interface Reuse {
  /** A run with the same PCA: nothing is left to do. */
  readonly reuse: Plan["reuse"];
  /** s3:// folder of features in Parquet: only the reduction is left to do. */
  readonly features: string | null;
}

/** The index entry of a valid run. */
const entrySchema = z.object({
  runId: z.string(),
  /** s3://bucket/runs/<runId>/ */
  run: z.string(),
  /** The run whose features it reduced: itself, or an earlier run. */
  featuresRun: z.string(),
  pca: pcaSchema,
  formats: z.array(z.enum(formats)),
});
type Entry = Readonly<z.output<typeof entrySchema>>;

const manifestSchema = z.looseObject({
  selection: z.string().nullable(),
  validation: validationSchema,
  checkedAt: z.string().optional(),
  plan: planSchema.pick({ maxMegapixels: true, reusedFeatures: true }),
});

/** Two runs compute the same features if these are equal. */
type FeaturesKey = Readonly<{ bucket: string; selection: string }> & FeaturesSettings;

function indexFolder({ bucket, selection, ...settings }: FeaturesKey): S3Location {
  return {
    bucket,
    key: runIndexPrefix(featuresIdentity(settings), selection),
  };
}

function indexKey(featuresKey: FeaturesKey, pca: Pca): S3Location {
  const { bucket, key } = indexFolder(featuresKey);
  const name = "components" in pca ? `components-${pca.components}` : `variance-${pca.variance}`;
  return { bucket, key: `${key}${name}.json` };
}

/** Reads a JSON object; undefined if it is missing or malformed. */
async function readIfValid<T>(s3: S3Client, location: S3Location, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return await readJson(s3, location, schema);
  } catch (error) {
    if (isNamed(error, "NoSuchKey") || error instanceof MalformedObject) return undefined;
    throw error;
  }
}

type Images = Pick<Plan, "selection" | "maxMegapixels">;

/** Reads the validation of a run; undefined if the run is gone, has other images, or may have left out large ones. */
async function readValidation(s3: S3Client, run: string, images: Images): Promise<Validation | undefined> {
  const { bucket, key } = parseS3Uri(run);
  const manifest = await readIfValid(s3, { bucket, key: `${key}${manifestFile}` }, manifestSchema);
  if (manifest?.selection !== images.selection) return undefined;
  const { validation, plan, checkedAt } = manifest;
  // After `referenceDays`, the store may have lost rows to which the run refers.
  const days = (Date.now() - Date.parse(checkedAt ?? "")) / 86_400_000;
  if (plan.reusedFeatures === "reference" && !(days < referenceDays)) return undefined;
  return validation.errors === 0 || plan.maxMegapixels >= images.maxMegapixels ? validation : undefined;
}

function meetsQuality({ errorRate, variance }: Validation, { maxErrorRate, minVariance }: Plan["quality"]): boolean {
  return errorRate <= maxErrorRate && (minVariance === null || (variance ?? 0) >= minVariance);
}

/**
 * Searches the index for valid runs of the same images and model that have all requested formats, and prefers one with
 * the same PCA.
 */
export async function findEarlierRun(
  s3: S3Client,
  requested: FeaturesKey & Pick<Plan, "pca" | "formats" | "quality" | "maxMegapixels">,
): Promise<Reuse> {
  const { bucket } = requested;
  const same = indexKey(requested, requested.pca).key;
  const keys = (await listObjects(s3, indexFolder(requested))).map(({ key }) => key);
  let features: string | null = null;
  for (const key of keys.sort((a, b) => Number(b === same) - Number(a === same))) {
    const earlier = await readIfValid(s3, { bucket, key }, entrySchema);
    if (!earlier || !requested.formats.every((format) => earlier.formats.includes(format))) continue;
    // The index may name a run that somebody has deleted.
    if (!(await readValidation(s3, earlier.featuresRun, requested))) continue;
    features ??= featuresOf(earlier.featuresRun);
    if (key !== same) break;
    const validation = await readValidation(s3, earlier.run, requested);
    if (validation && meetsQuality(validation, requested.quality))
      return { reuse: { run: earlier.run, validation }, features };
  }
  return { reuse: null, features };
}

/**
 * Adds a valid run to the index in which later runs search.
 *
 * @param selection fingerprint of the images that the run has used, which may differ from the plan's
 */
export async function indexRun(s3: S3Client, plan: Plan, selection: string): Promise<void> {
  const { runId, run, pca, formats } = plan;
  const entry: Entry = { runId, run, featuresRun: featuresRunOf(plan), pca, formats };
  await writeJson(s3, indexKey({ ...plan, selection }, pca), entry);
}
