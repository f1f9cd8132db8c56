import { runIndexPrefix } from "../contract/s3-layout.ts";
import type { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { featuresIdentity } from "../contract/decoder.ts";
import { listObjects, MalformedObject, parseS3Uri, readJson, type S3Location, writeJson } from "../aws/s3.ts";
import { isNamed } from "../aws/errors.ts";
import { formats } from "../contract/choices.ts";
import { type Pca, type Plan, pcaSchema } from "../contract/plan.ts";
import { type Validation, validationSchema } from "../contract/validation.ts";

/** What an earlier valid run of the same images and model leaves to do. */
export interface Reuse {
  /** The whole run: nothing is left to do. */
  readonly reuse: Plan["reuse"];
  /** Its features, as an s3:// folder of Parquet files: only the reduction is left to do. */
  readonly features: string | null;
}

/** A valid run, as the index has it. */
const entry = z.object({
  runId: z.string(),
  /** s3://bucket/runs/<runId>/ */
  run: z.string(),
  /** The run whose features it reduced: mostly its own. */
  featuresRun: z.string(),
  pca: pcaSchema,
  formats: z.array(z.enum(formats)),
});
type Entry = Readonly<z.output<typeof entry>>;

const manifest = z.looseObject({ selection: z.string().nullable(), validation: validationSchema });

/** What decides whether a run's features are those that another run would compute. */
type Images = Readonly<{ bucket: string; selection: string; model: Readonly<{ sha256: string }> }>;

function indexFolder({ bucket, selection, model }: Images): S3Location {
return {
  bucket,
  key: runIndexPrefix(featuresIdentity(model), selection),
};
}

function indexKey(images: Images, wanted: Pca): S3Location {
  const { bucket, key } = indexFolder(images);
  const name = "components" in wanted ? `components-${wanted.components}` : `variance-${wanted.variance}`;
  return { bucket, key: `${key}${name}.json` };
}

/** Where a run's features are. */
export function featuresOf(run: string): string {
return `${run}features/parquet`;
}

/** The run in whose folder the features are that a plan reduces. */
export function featuresRunOf(plan: Pick<Plan, "run" | "features">): string {
return plan.features === null ? plan.run : plan.features.slice(0, -featuresOf("").length);
}

/** Undefined when the object is absent or is not what it should be. */
async function readIfSound<T>(s3: S3Client, location: S3Location, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return await readJson(s3, location, schema);
  } catch (error) {
    if (isNamed(error, "NoSuchKey") || error instanceof MalformedObject) return undefined;
    throw error;
  }
}

/** The verdict on a run, if it is still there and is about the same images. */
async function verdict(s3: S3Client, run: string, selection: string): Promise<Validation | undefined> {
  const { bucket, key } = parseS3Uri(run);
  const found = await readIfSound(s3, { bucket, key: `${key}manifest.json` }, manifest);
  return found?.selection === selection ? found.validation : undefined;
}

function meets(found: Validation, { maxErrorRate, minVariance }: Plan["quality"]): boolean {
return found.errorRate <= maxErrorRate && (minVariance === null || (found.variance ?? 0) >= minVariance);
}

/** Looks for valid runs of the same images and model that have all the formats; one with the same PCA is best. */
export async function findEarlierRun(
  s3: S3Client,
  wanted: Images & Pick<Plan, "pca" | "formats" | "quality">,
): Promise<Reuse> {
  const { bucket, selection } = wanted;
  const same = indexKey(wanted, wanted.pca).key;
  const keys = (await listObjects(s3, indexFolder(wanted))).map(({ key }) => key);
  let features: string | null = null;
  for (const key of keys.sort((a, b) => Number(b === same) - Number(a === same))) {
    const earlier = await readIfSound(s3, { bucket, key }, entry);
    if (!earlier || !wanted.formats.every((format) => earlier.formats.includes(format))) continue;
    // Runs are deleted by hand; the index is not.
    if (!(await verdict(s3, earlier.featuresRun, selection))) continue;
    features ??= featuresOf(earlier.featuresRun);
    if (key !== same) break;
    const found = await verdict(s3, earlier.run, selection);
    if (found && meets(found, wanted.quality)) return { reuse: { run: earlier.run, validation: found }, features };
  }
  return { reuse: null, features };
}

/** Makes a valid run one that later ones find. `selection` is the fingerprint of the images that it did use. */
export async function indexRun(s3: S3Client, plan: Plan, selection: string): Promise<void> {
  const { runId, run, bucket, model, pca, formats } = plan;
  const found: Entry = { runId, run, featuresRun: featuresRunOf(plan), pca, formats };
  await writeJson(s3, indexKey({ bucket, selection, model }, pca), found);
}
