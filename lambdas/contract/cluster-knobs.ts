import { z } from "zod";
import { architectures } from "../catalog/architectures.ts";
import { instanceTypes } from "../catalog/instance-types.ts";
import { markets } from "./choices.ts";

/** A size as Spark takes it. */
export const memorySizeSchema = z
  .string()
  .regex(/^[1-9][0-9]*[mg]$/, 'must be a size as Spark takes it, such as "6g" or "512m"');
/** A fleet's types: alike in vCPUs, so that each counts as one unit and the quote holds whichever EC2 has. */
const fleetTypes = z
  .array(z.enum(Object.keys(instanceTypes)))
  .min(1)
  // RunJobFlow: at most 30 types a fleet when an allocation strategy is given.
  .max(30)
  .refine((names) => new Set(names.map((name) => instanceTypes[name]?.vcpus)).size === 1, {
    message: "must all have as many vCPUs",
  });

/** The stack's configuration of its clusters, as the functions get it: one JSON text, every key optional. */
export const clusterDefaultsSchema = z
  .object({
    releaseLabel: z.string().default("emr-7.13.0"),
    architecture: z.enum(architectures).default("x86_64"),
    /** @default the planner's choice */
    primaryTypes: fleetTypes.optional(),
    coreTypes: fleetTypes.optional(),
    /** Core nodes at the start. @default the planner's choice: one node, or 1 to maxCoreCount core nodes */
    coreCount: z.int().min(1).optional(),
    /** Neither the planner nor managed scaling goes further. */
    maxCoreCount: z.int().min(1).max(100).default(4),
    market: z.enum(markets).default("ON_DEMAND"),
    /** @default derived from the instance type */
    executorMemory: memorySizeSchema.optional(),
    executorMemoryOverhead: memorySizeSchema.optional(),
    driverMemory: memorySizeSchema.optional(),
    driverMemoryOverhead: memorySizeSchema.optional(),
    /** Size of each node's volume. */
    ebsGiB: z.int().min(32).max(1024).default(64),
    /** EMR takes 1 to 10,080 (AutoTerminationPolicy). */
    idleTimeoutMinutes: z.int().min(1).max(10_080).default(30),
    /** The planner takes the cheapest cluster that is expected to be done by then. */
    deadlineMinutes: z.number().positive().default(120),
    jupyterHub: z.boolean().default(false),
    /** Components of the PCA, when the input asks for none. */
    pcaComponents: z.int().min(1).default(50),
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

/** A JSON text, parsed; an absent or empty one is an empty object. */
export const clusterDefaultsTextSchema = z
  .string()
  .default("{}")
  .transform((text, context) => {
    try {
      return JSON.parse(text === "" ? "{}" : text) as unknown;
    } catch (error) {
      context.addIssue({ code: "custom", message: `is no JSON: ${String(error)}` });
      return z.NEVER;
    }
  })
  .pipe(clusterDefaultsSchema);
