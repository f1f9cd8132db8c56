import { z } from "zod";
import { architectures } from "../catalog/instance-types.ts";
import { sections } from "./sections.ts";

export const modes = ["inventory", "mini", "apples", "full", "single-class"] as const;
export const formats = ["parquet", "csv"] as const;
export const markets = ["ON_DEMAND", "SPOT"] as const;
/** What an execution does when an earlier one of the same state machine still runs. */
export const overlaps = ["allow", "skip", "queue"] as const;

/** What the state machine says about the execution, from $$.Execution. */
export const executionSchema = z.object({
  /** The execution's ARN. */
  id: z.string().startsWith("arn:"),
  name: z.string().min(1),
  /** ISO 8601. */
  startTime: z.string(),
});
export type Execution = Readonly<z.output<typeof executionSchema>>;

export const checkSchema = z.object({
  name: z.string(),
  ok: z.boolean(),
  detail: z.string(),
  remedy: z.string(),
});
export type Check = Readonly<z.output<typeof checkSchema>>;

const request = z.record(z.string(), z.unknown());

export const clusterPlanSchema = z.object({
  name: z.string(),
  releaseLabel: z.string(),
  architecture: z.enum(architectures),
  /** The first of the fleet's types; the others are alike. */
  primaryType: z.string(),
  /** Of the nodes that executors run on: the core nodes, or the single node. */
  coreType: z.string(),
  /** 0: a single node. */
  coreCount: z.int(),
  /** Managed scaling goes no further. */
  maxCoreCount: z.int(),
  /** Executors, of four cores each, when the run starts. */
  executors: z.int(),
  market: z.enum(markets),
  /** Size of each node's volume. */
  ebsGiB: z.int(),
  /** As spark.executor.memory takes it: 6g. */
  executorMemory: z.string(),
  executorMemoryOverhead: z.string(),
  driverMemory: z.string(),
  /** The default for the plan of a kept cluster that was made before it was a knob. */
  driverMemoryOverhead: z.string().default("2g"),
  idleTimeoutSeconds: z.int(),
  /** RunJobFlow's members of these names, whole. */
  applications: z.array(request),
  configurations: z.array(request),
  managedScalingPolicy: request,
  instances: request,
});
export type ClusterPlan = Readonly<z.output<typeof clusterPlanSchema>>;

/** A cluster that goes on after a success, until when, and what it costs until then. */
export const keptClusterSchema = z.object({
  clusterId: z.string(),
  /** ISO 8601, UTC. */
  until: z.string(),
  usdPerHour: z.number(),
});
export type KeptCluster = Readonly<z.output<typeof keptClusterSchema>>;

export const pcaSchema = z.union([z.object({ components: z.int() }), z.object({ variance: z.number() })]);
export type Pca = Readonly<z.output<typeof pcaSchema>>;

const countsSchema = z.object({ images: z.int(), labels: z.int(), bytes: z.int() });
export type Counts = Readonly<z.output<typeof countsSchema>>;

export const validationSchema = z.object({
  images: z.int(),
  labels: z.int(),
  errors: z.int(),
  errorRate: z.number(),
  /** Images whose features this run computed, and whose it took from the store or an earlier run; null: no features. */
  computed: z.int().nullable(),
  reused: z.int().nullable(),
  components: z.int().nullable(),
  variance: z.number().nullable(),
  warnings: z.array(z.string()),
  results: z.string(),
});
export type Validation = Readonly<z.output<typeof validationSchema>>;

export const planSchema = z.object({
  runId: z.string(),
  executionArn: z.string(),
  mode: z.enum(modes),
  label: z.string().nullable(),
  bucket: z.string(),
  /** s3://bucket/prefix/ of the image tree. */
  input: z.string(),
  /** s3://bucket/runs/<runId>/ */
  run: z.string(),
  /** null: all. */
  splits: z.array(z.string()).nullable(),
  limit: z.int().nullable(),
  pca: pcaSchema,
  formats: z.array(z.enum(formats)),
  force: z.boolean(),
  quality: z.object({ maxErrorRate: z.number(), minVariance: z.number().nullable() }),
  /** The selection, not the bucket. */
  counts: countsSchema,
  /** Fingerprint of the images that Preflight found: of their paths and etags. */
  selection: z.string(),
  /** s3:// folder in which the model's features are kept from run to run. */
  store: z.string(),
  /** An earlier run's features, when only the reduction is to be done. */
  features: z.string().nullable(),
  /** The earlier run that has all that was asked for, when nothing is to be done. */
  reuse: z.object({ run: z.string(), validation: validationSchema }).nullable(),
  model: z.object({
    key: z.string(),
    sha256: z.string(),
    weights: z.enum(["imagenet", "seeded"]),
    inputSize: z.int(),
    dimensions: z.int(),
  }),
  steps: z.object({ inventory: z.boolean(), features: z.boolean(), reduction: z.boolean(), any: z.boolean() }),
  cluster: clusterPlanSchema,
  /** The kept cluster that the steps run on; null: one is created. */
  borrowed: keptClusterSchema.nullable(),
  /** Hours after which the created cluster has cost what the ceiling allows, and is ended. */
  maxHours: z.number(),
  /** How long the created cluster is left after a success; 0: it is ended. */
  keepMinutes: z.int(),
  estimate: z.object({
    minutes: z.number(),
    usd: z.number(),
    /** When managed scaling goes as far as it may. */
    usdAtMost: z.number(),
    arithmetic: z.string(),
  }),
  warnings: z.array(z.string()),
  checks: z.array(checkSchema),
});
export type Plan = Readonly<z.output<typeof planSchema>>;

/** What a run's cluster has cost, beside what was quoted. US dollars, minutes of the cluster's life. */
export const costSchema = z.object({
  quotedUsd: z.number(),
  actualUsd: z.number(),
  /** Above zero: dearer than quoted. null: nothing was quoted. */
  forecastErrorPercent: z.number().nullable(),
  minutes: z.object({ quoted: z.number(), actual: z.number() }),
  /** false: the cluster still runs, and this is what it has cost so far. */
  isFinal: z.boolean(),
  /** The cluster goes on: nobody has ended it yet. */
  isAlive: z.boolean(),
  arithmetic: z.string(),
});
export type Cost = Readonly<z.output<typeof costSchema>>;

/** What a mail or a diagnosis reads about a failure; every part may be missing. */
export const failureSchema = z.object({ Error: z.string().default("Unknown"), Cause: z.string().default("") });
export type Failure = Readonly<z.output<typeof failureSchema>>;

export const teardownSchema = z.object({
  clusterIds: z.array(z.string()),
  states: z.record(z.string(), z.string()),
});
export type Teardown = Readonly<z.output<typeof teardownSchema>>;

export const diagnosisSchema = z.object({
  /** The root cause, one line. */
  cause: z.string(),
  /** The state that failed, where it can be told. */
  state: z.string().nullable().default(null),
  /** s3:// address of the log to read. */
  log: z.string().nullable().default(null),
  /** The log's last lines. */
  excerpt: z.array(z.string()).default([]),
  /** The section of docs/troubleshooting.md about it. */
  section: z.enum(sections).nullable().default(null),
  /** What to do about it, where that is known: one line. */
  remedy: z.string().nullable().default(null),
  /** The cluster that the execution created, as EMR told it last; null: there was none, or EMR did not answer. */
  cluster: z.object({ id: z.string(), state: z.string() }).nullable().default(null),
  /** What the cluster has cost; null: there was none, or EMR did not answer. */
  cost: costSchema.nullable().default(null),
});
export type Diagnosis = Readonly<z.output<typeof diagnosisSchema>>;

/**
 * The state data as the failure path sees it: whatever is there and well formed. A malformed part counts as
 * missing, because a clean-up that dies of a bad event would leave a cluster behind.
 */
export const partialStateSchema = z.looseObject({
  input: z.unknown().optional(),
  plan: planSchema.optional().catch(undefined),
  scripts: z.unknown().optional(),
  cluster: z.object({ id: z.string() }).optional().catch(undefined),
  validation: validationSchema.optional().catch(undefined),
  cost: costSchema.optional().catch(undefined),
  kept: keptClusterSchema.optional().catch(undefined),
  error: failureSchema.optional().catch(undefined),
  teardown: teardownSchema.optional().catch(undefined),
  teardownError: failureSchema.optional().catch(undefined),
  diagnosis: diagnosisSchema.optional().catch(undefined),
});
export type PartialState = Readonly<z.output<typeof partialStateSchema>>;
