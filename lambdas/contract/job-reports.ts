import { z } from "zod";

// The reports that the Spark job writes into a run's folder, as far as the functions and commands read them.

/** A check that a step of the job made on its own output. */
export const jobCheckSchema = z.object({ name: z.string(), ok: z.boolean(), detail: z.string() });
export type JobCheck = Readonly<z.output<typeof jobCheckSchema>>;

/** Counts the files that a step has written into a folder; reports of older versions lack it. */
const outputSchema = z.object({ files: z.int(), rows: z.int(), bytes: z.int() });
export type Output = Readonly<z.output<typeof outputSchema>>;
const counted = outputSchema.optional();
const vectorFiles = { parquet: counted, csv: counted };

export const inventorySummarySchema = z.looseObject({
  images: z.int(),
  labels: z.int(),
  selected: z.looseObject({
    images: z.int(),
    labels: z.int(),
    bytes: z.int().default(0),
    fingerprint: z.string(),
  }),
  /** Images that were added or overwritten after the plan, and belong to the next run. */
  later: z.int().default(0),
  /** Least number of planned images that were deleted or overwritten since; null if the plan's counts were estimated. */
  changed: z.int().nullable().default(null),
  outputs: z.object({ metadata: counted, selection: counted }).default({}),
});
export type InventorySummary = Readonly<z.output<typeof inventorySummarySchema>>;

export const featuresSummarySchema = z.looseObject({
  images: z.int(),
  errors: z.int(),
  /** Number of unusable images by reason, the most frequent reason first. */
  reasons: z.record(z.string(), z.int()),
  /** Paths below the image tree of at most three images of each reason; summaries of older versions have none. */
  examples: z.record(z.string(), z.array(z.string())).default({}),
  computed: z.int(),
  reused: z.int(),
  /** Reused images with features that were copied, and those that `features/reference/` names; both 0 in older versions. */
  copied: z.int().default(0),
  referenced: z.int().default(0),
  /** Images that were changed or removed after the inventory listed them. */
  changed: z.int(),
  dimensions: z.int(),
  outputs: z.object({ ...vectorFiles, reference: counted, metadata: counted, errors: counted }).default({}),
  checks: z.array(jobCheckSchema),
});
export type FeaturesSummary = Readonly<z.output<typeof featuresSummarySchema>>;

export const modelInfoSchema = z.looseObject({
  pca_components: z.int(),
  original_dimensions: z.int(),
  reduced_dimensions: z.int(),
  total_variance_explained: z.number(),
  num_images_processed: z.int(),
  model: z.looseObject({ weights: z.string(), sha256: z.string() }),
  labels: z.int(),
  errors: z.int(),
  outputs: z.object(vectorFiles).default({}),
  checks: z.array(jobCheckSchema),
});
export type ModelInfo = Readonly<z.output<typeof modelInfoSchema>>;

/** The part of model_info.json that ValidateResults does not read. */
export const explainedVarianceSchema = z.looseObject({
  /** Share of the variance that each component explains, and their running sum, from 0 to 1. */
  variance_by_component: z.array(z.number()),
  cumulative_variance: z.array(z.number()),
});
