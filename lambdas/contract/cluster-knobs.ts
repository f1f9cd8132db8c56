import { z } from "zod";
import { architectures } from "../catalog/architectures.ts";
import { instanceTypes } from "../catalog/instance-types.ts";
import { markets } from "./choices.ts";
import { maxExecutionHours } from "./execution.ts";

const memoryAllowed = 'a size as Spark takes it, such as "6g" or "512m"';
/** A size in Spark's notation. */
const memorySizeSchema = z.string().regex(/^[1-9][0-9]*[mg]$/, `must be ${memoryAllowed}`);

/** Most core nodes that a cluster can start with or scale to. */
export const maxCoreNodes = 50;

/**
 * The settings of the clusters that the deployment's configuration, the functions and (in part) the execution input
 * share. Each description completes the sentence "allowed: ...".
 */
export const clusterKnobs = {
  /**
   * EMR release. The default has Spark 3.5.6 and Python 3.11, which the job is tested with; releases 8 have other
   * security group rules, other repositories and another version of Spark.
   */
  releaseLabel: z
    .string()
    .regex(/^emr-7\.\d+\.\d+$/)
    .default("emr-7.13.0")
    .describe("a release 7 of EMR, such as emr-7.13.0"),
  /** Instruction set of the nodes, for which the wheelhouse is built. The default is offered everywhere. */
  architecture: z.enum(architectures).default("x86_64").describe("x86_64 or arm64 (Graviton)"),
  /** Core nodes at the start. @default the planner's choice: a single node, or 1 to maxCoreCount core nodes */
  coreCount: z.int().min(1).max(maxCoreNodes).optional().describe(`a whole number from 1 to ${maxCoreNodes}`),
  /** Upper bound of core nodes for the planner and for managed scaling. The default bounds the hourly price. */
  maxCoreCount: z.int().min(1).max(maxCoreNodes).default(4).describe(`a whole number from 1 to ${maxCoreNodes}`),
  /**
   * Purchasing option of the core nodes; the primary node is always on demand. Most runs take minutes, and a reclaimed
   * node costs more of them than the discount is worth, so the default is on demand.
   */
  market: z.enum(markets).default("ON_DEMAND").describe("ON_DEMAND or SPOT"),
  /** Heap of a Spark executor. @default derived from the instance type */
  executorMemory: memorySizeSchema.optional().describe(memoryAllowed),
  /** Memory of an executor beside its heap, for the Python workers. @default derived from the instance type */
  executorMemoryOverhead: memorySizeSchema.optional().describe(memoryAllowed),
  /** Heap of the driver, which solves the eigenproblem. @default 2g, as in EMR */
  driverMemory: memorySizeSchema.optional().describe(memoryAllowed),
  /** Memory of the driver beside its heap. @default 2g: its Python sums the partitions' Gramians of 13 MB each */
  driverMemoryOverhead: memorySizeSchema.optional().describe(memoryAllowed),
  /** EBS volume of each node, GiB of gp3. The default is EMR's minimum for four cores, twice what a run spills. */
  ebsGiB: z.int().min(32).max(1024).default(64).describe("a whole number of GiB from 32 to 1024"),
  /**
   * Minutes without a step after which EMR terminates the cluster. Step Functions polls for the end of a step every five
   * minutes at most, so that the minimum of ten is safe; EMR accepts at most 604,800 seconds.
   */
  idleTimeoutMinutes: z.int().min(10).max(10_080).default(30).describe("a whole number of minutes from 10 to 10080"),
  /**
   * Minutes within which a run should finish: the planner takes the cheapest cluster that does. Below the default, more
   * nodes cost more than the time that they save.
   */
  deadlineMinutes: z
    .number()
    .min(10)
    .max(maxExecutionHours * 60)
    .default(120)
    .describe(`minutes from 10 to ${maxExecutionHours * 60}`),
  /** Install JupyterHub for work on a kept cluster; it makes the start longer. */
  jupyterHub: z.boolean().default(false).describe("true or false"),
  /** Principal components if the execution input asks for none. The default explains 93 % of the apples' variance. */
  pcaComponents: z.int().min(1).max(1280).default(50).describe("a whole number from 1 to 1280"),
} as const;

/** Instance types of a fleet. Equal vCPUs let each node count as one unit and keep the quote valid for any of them. */
const fleetTypes = z
  .array(z.enum(Object.keys(instanceTypes)))
  .min(1)
  // RunJobFlow accepts at most 30 types per fleet with an allocation strategy.
  .max(30)
  .refine((names) => new Set(names.map((name) => instanceTypes[name]?.vcpus)).size === 1, {
    message: "must all have as many vCPUs",
  });

/** The deployment's settings for its clusters, as the functions receive them. Every key is optional. */
export const clusterDefaultsSchema = z
  .object({
    ...clusterKnobs,
    /** @default the planner's choice */
    primaryTypes: fleetTypes.optional(),
    coreTypes: fleetTypes.optional(),
    subnetIds: z.array(z.string()).default([]),
    securityGroups: z
      .object({ primary: z.string(), core: z.string(), serviceAccess: z.string().nullish() })
      .nullable()
      .default(null),
    keyPair: z.string().nullish(),
  })
  .superRefine(({ architecture, ...types }, context) => {
    for (const key of ["primaryTypes", "coreTypes"] as const) {
      const others = (types[key] ?? []).filter((name) => instanceTypes[name]?.architecture !== architecture);
      if (others.length > 0)
        context.addIssue({ code: "custom", path: [key], message: `${others.join(", ")} is not ${architecture}` });
    }
  });
export type ClusterDefaults = Readonly<z.output<typeof clusterDefaultsSchema>>;

/** The same as JSON text, as it is in a function's environment. An absent or empty text is an empty object. */
export const clusterDefaultsTextSchema = z
  .string()
  .default("{}")
  .transform((text, context) => {
    try {
      return JSON.parse(text === "" ? "{}" : text) as unknown;
    } catch (error) {
      context.addIssue({ code: "custom", message: `is not JSON: ${String(error)}` });
      return z.NEVER;
    }
  })
  .pipe(clusterDefaultsSchema);
