import { z } from "zod";
import { architectures } from "../catalog/architectures.ts";
import { instanceTypes } from "../catalog/instance-types.ts";
import { markets } from "./choices.ts";
import { maxExecutionHours } from "./execution.ts";

const memoryAllowed = 'a size as Spark takes it, such as "6g" or "512m"';
/** A size in Spark's notation. */
const memorySizeSchema = z.string().regex(/^[1-9][0-9]{0,6}[mg]$/, `must be ${memoryAllowed}`);

/** An EMR cluster's id. */
export const clusterIdPattern = /^j-[A-Z0-9]{1,30}$/;

/** Most core nodes that a cluster can start with or scale to. */
export const maxCoreNodes = 100;

/**
 * The settings of the clusters that the deployment's configuration, the functions and (in part) the execution input
 * share. Of the metadata, `description` completes the sentence "allowed: ...", and `help`, `defaultText` and `examples`
 * are for docs/configuration.md.
 */
export const clusterKnobs = {
  releaseLabel: z
    .string()
    .regex(/^emr-7\.\d+\.\d+$/)
    .default("emr-7.13.0")
    .meta({
      description: "a release 7 of EMR, such as emr-7.13.0",
      help: "EMR release. Releases 8 have other security group rules, other repositories and another version of Spark.",
      defaultText: "has Spark 3.5.6 and Python 3.11, with which the job is tested",
      examples: ["emr-7.12.0"],
    }),
  architecture: z
    .enum(architectures)
    .default("x86_64")
    .meta({
      description: "x86_64 or arm64 (Graviton)",
      help: "Instruction set of the nodes, for which the wheelhouse is built.",
      defaultText: "offered in every region",
      examples: ["arm64"],
    }),
  coreCount: z
    .int()
    .min(1)
    .max(maxCoreNodes)
    .optional()
    .meta({
      description: `a whole number from 1 to ${maxCoreNodes}`,
      help: "Core nodes at the start.",
      defaultText: "the planner's choice: a single node, or 1 to `maxCoreCount` core nodes",
      examples: [3],
    }),
  maxCoreCount: z
    .int()
    .min(1)
    .max(maxCoreNodes)
    .default(4)
    .meta({
      description: `a whole number from 1 to ${maxCoreNodes}`,
      help: "Most core nodes that the planner or managed scaling may use.",
      defaultText: "limits the hourly price",
      examples: [8],
    }),
  market: z
    .enum(markets)
    .default("ON_DEMAND")
    .meta({
      description: "ON_DEMAND or SPOT",
      help: "Purchasing option of the core nodes. The primary node and one core node are always on demand, so that `SPOT` changes clusters of two or more core nodes only.",
      defaultText: "most runs take minutes, and a reclaimed node costs more of them than the discount is worth",
      examples: ["SPOT"],
    }),
  executorMemory: memorySizeSchema.optional().meta({
    description: memoryAllowed,
    help: "Heap of a Spark executor.",
    defaultText: "derived from the instance type",
    examples: ["6g"],
  }),
  executorMemoryOverhead: memorySizeSchema.optional().meta({
    description: memoryAllowed,
    help: "Memory of an executor beside its heap, for the Python workers.",
    defaultText: "derived from the instance type",
    examples: ["3g"],
  }),
  driverMemory: memorySizeSchema.optional().meta({
    description: memoryAllowed,
    help: "Heap of the driver, which solves the eigenproblem.",
    defaultText: "`2g`, as in EMR",
    examples: ["4g"],
  }),
  driverMemoryOverhead: memorySizeSchema.optional().meta({
    description: memoryAllowed,
    help: "Memory of the driver beside its heap.",
    defaultText: "`2g`, since its Python sums the partitions' Gramians of 13 MB each",
    examples: ["3g"],
  }),
  ebsGiB: z
    .int()
    .min(32)
    .max(1024)
    .default(64)
    .meta({
      description: "a whole number of GiB from 32 to 1024",
      help: "EBS volume of each node, in GiB of gp3.",
      defaultText: "EMR's minimum for four cores, twice what a run spills",
      examples: [128],
    }),
  // Step Functions polls for the end of a step every five minutes at most, so a timeout of ten minutes is safe. EMR
  // accepts at most 604,800 seconds.
  idleTimeoutMinutes: z
    .int()
    .min(10)
    .max(10_080)
    .default(30)
    .meta({
      description: "a whole number of minutes from 10 to 10080",
      help: "Minutes without a step after which EMR terminates the cluster.",
      defaultText: "Step Functions needs at most five minutes between two steps",
      examples: [60],
    }),
  deadlineMinutes: z
    .number()
    .min(10)
    .max(maxExecutionHours * 60)
    .default(120)
    .meta({
      description: `minutes from 10 to ${maxExecutionHours * 60}`,
      help: "Minutes within which a run should finish: the planner takes the cheapest cluster that does.",
      defaultText: "for a shorter time, more nodes cost more than the time that they save",
      examples: [60],
    }),
  jupyterHub: z
    .boolean()
    .default(false)
    .meta({
      description: "true or false",
      help: "Install JupyterHub for work on a kept cluster.",
      defaultText: "it makes the start longer",
      examples: [true],
    }),
  pcaComponents: z
    .int()
    .min(1)
    .default(50)
    .meta({
      description: "a whole number from 1 to the dimensions of the model's features, 1280 for MobileNetV2",
      help: "Principal components if the execution input asks for none.",
      defaultText: "explains 93 % of the apples' variance",
      examples: [100],
    }),
} as const;

/** Instance types of a fleet. Equal vCPUs let each node count as one unit and keep the quote valid for any of them. */
const fleetTypes = z
  .array(z.enum(Object.keys(instanceTypes)))
  .min(1)
  // RunJobFlow accepts at most 30 types per fleet with an allocation strategy.
  .max(30)
  .refine((names) => new Set(names.map((name) => instanceTypes[name]?.vcpus)).size === 1, {
    message: "must all have the same number of vCPUs",
  });

const { releaseLabel, architecture, ...otherKnobs } = clusterKnobs;

/**
 * The deployment's settings for its clusters, as the functions receive them. Every key is optional. The order of the keys
 * stays as it is, because another order in a function's environment would be a new version of the function.
 */
export const clusterDefaultsSchema = z
  .object({
    releaseLabel,
    architecture,
    /** @default the planner's choice */
    primaryTypes: fleetTypes.optional(),
    coreTypes: fleetTypes.optional(),
    ...otherKnobs,
    subnetIds: z.array(z.string()).default([]),
    securityGroups: z
      .object({ primary: z.string(), core: z.string(), serviceAccess: z.string().nullish() })
      .nullable()
      .default(null),
    keyPair: z.string().nullish(),
  })
  .superRefine((defaults, context) => {
    for (const key of ["primaryTypes", "coreTypes"] as const) {
      const others = defaults[key]?.filter((name) => instanceTypes[name]?.architecture !== defaults.architecture) ?? [];
      if (others.length > 0)
        context.addIssue({
          code: "custom",
          path: [key],
          message: `${others.join(", ")} is not ${defaults.architecture}`,
        });
    }
  });
export type ClusterDefaults = Readonly<z.output<typeof clusterDefaultsSchema>>;
