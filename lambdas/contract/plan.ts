import { z } from "zod";
import { formats, precisions, reusedFeatures } from "./choices.ts";
import { clusterPlanSchema, keptClusterSchema } from "./cluster-plan.ts";
import { countsSchema } from "./counts.ts";
import { leftOutSchema, treeRulesSchema } from "./image-tree.ts";
import { defaultMaxMegapixels } from "./input.ts";
import { modelDescriptionSchema } from "./model.ts";
import { modes, selectionRuleSchema } from "./modes.ts";
import { mostSeconds, stepLimitsSchema } from "./step-limits.ts";
import { validationSchema } from "./validation.ts";

/** The result of one of Preflight's checks. */
export const checkSchema = z.object({
  name: z.string(),
  ok: z.boolean(),
  detail: z.string(),
  remedy: z.string(),
});
export type Check = Readonly<z.output<typeof checkSchema>>;

/** Sets the components that the PCA keeps: a number, or as many as explain a share of the variance. */
export const pcaSchema = z.union([z.object({ components: z.int() }), z.object({ variance: z.number() })]);
export type Pca = Readonly<z.output<typeof pcaSchema>>;

/** plan.json: everything that Preflight decides about a run and that the later states and Spark jobs read. */
export const planSchema = z.object({
  runId: z.string(),
  executionArn: z.string(),
  mode: z.enum(modes),
  label: z.string().nullable(),
  bucket: z.string(),
  /** The image tree: s3://bucket/prefix/ */
  input: z.string(),
  /** s3://bucket/runs/<runId>/ */
  run: z.string(),
  /** null selects all splits. */
  splits: z.array(z.string()).nullable(),
  /** Numbers of files and row groups if the image tree is a pack; null for a tree of single files. */
  pack: z.object({ shards: z.int(), groups: z.int() }).nullable().default(null),
  /** The rules that decide which files of the tree are images. */
  tree: treeRulesSchema,
  /** Names of the splits that the run uses, and of the tree's others. Long lists are cut. */
  usedSplits: z.array(z.string()),
  unusedSplits: z.array(z.string()),
  /** The files in the used splits that are not images of the tree, by reason. */
  leftOut: z.array(leftOutSchema),
  limit: z.int().nullable(),
  /** The rule that follows from mode, label and limit: Spark reads it instead of them. */
  selectionRule: selectionRuleSchema,
  pca: pcaSchema,
  formats: z.array(z.enum(formats)),
  /** Plans of earlier versions copy all features. */
  reusedFeatures: z.enum(reusedFeatures).default("copy"),
  force: z.boolean(),
  quality: z.object({ maxErrorRate: z.number(), minVariance: z.number().nullable() }),
  /** Larger images, in millions of pixels, are not decoded. */
  maxMegapixels: z.int().default(defaultMaxMegapixels),
  exifRotation: z.boolean().default(false),
  jpegDraft: z.boolean().default(false),
  /** The precision in which the model computes: float32 if the nodes' processors gain nothing from the requested one. */
  precision: z.enum(precisions).default("float32"),
  /** Whether ConfirmQuote has replaced Preflight's counts by those of the Inventory step. */
  confirmed: z.boolean().optional(),
  /** Counts of the selected images only. */
  counts: countsSchema,
  /**
   * Images that were written later belong to the next run. ISO 8601 in UTC and whole seconds, like the times of S3. Older
   * plans lack it and take all images.
   */
  plannedAt: z.string().optional(),
  /** Fingerprint of the selected images' paths and ETags; null when their counts are estimated. */
  selection: z.string().nullable(),
  /** Number of images whose features must be computed, according to the quote; older plans lack it. */
  newImages: z.int().optional(),
  /** s3:// folder that keeps the model's features across runs. */
  store: z.string(),
  /** s3:// folder of an earlier run's features, when only the reduction is left to do. */
  features: z.string().nullable(),
  /** An earlier run whose results answer this one, when nothing is left to do. */
  reuse: z.object({ run: z.string(), validation: validationSchema }).nullable(),
  model: modelDescriptionSchema.extend({ key: z.string(), sha256: z.string() }),
  steps: z.object({ inventory: z.boolean(), features: z.boolean(), reduction: z.boolean(), any: z.boolean() }),
  cluster: clusterPlanSchema,
  /** Time limits of the steps. Older plans of kept clusters lack them. */
  stepLimits: stepLimitsSchema.default({
    inventory: { seconds: mostSeconds.inventory, bound: "most" },
    features: { seconds: mostSeconds.features, bound: "most" },
    reduction: { seconds: mostSeconds.reduction, bound: "most" },
  }),
  /** The kept cluster that the run reuses; null when it creates one. */
  borrowed: keptClusterSchema.nullable(),
  /** Ceiling of the quote in US dollars. Older plans lack it, and ConfirmQuote then compares nothing. */
  maxCostUsd: z.number().optional(),
  /** Age in hours at which the created cluster has used up the run's maxCostUsd and is terminated. */
  maxHours: z.number(),
  /** Minutes that the created cluster stays alive after a success; 0 terminates it. */
  keepMinutes: z.int(),
  estimate: z.object({
    minutes: z.number(),
    usd: z.number(),
    /** Cost if managed scaling goes up to its upper bound. */
    usdAtMost: z.number(),
    /** The minutes at best and at worst. Plans of earlier versions lack it, and the bottleneck. */
    minutesBetween: z.tuple([z.number(), z.number()]).nullable().default(null),
    /** Names the part of the run that takes most of the minutes; empty if there are none. */
    bottleneck: z.string().default(""),
    arithmetic: z.string(),
  }),
  warnings: z.array(z.string()),
  checks: z.array(checkSchema),
});
export type Plan = Readonly<z.output<typeof planSchema>>;
