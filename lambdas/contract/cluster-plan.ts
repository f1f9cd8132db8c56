import { z } from "zod";
import { architectures } from "../catalog/architectures.ts";
import { markets } from "./choices.ts";

/** A member of the RunJobFlow request, passed to EMR unchanged. */
const requestPart = z.record(z.string(), z.unknown());

/** The cluster that a run creates: the RunJobFlow request and the figures that people read. */
export const clusterPlanSchema = z.object({
  name: z.string(),
  releaseLabel: z.string(),
  architecture: z.enum(architectures),
  /** First of the primary fleet's instance types; the others have the same size. */
  primaryType: z.string(),
  /** Instance type of the nodes that run executors: the core nodes, or the single node. */
  coreType: z.string(),
  /** 0 for a single-node cluster. */
  coreCount: z.int(),
  /** Upper bound for managed scaling. */
  maxCoreCount: z.int(),
  /** Number of executors, with four cores each, when the run starts. */
  executors: z.int(),
  market: z.enum(markets),
  /** Size of each node's EBS volume. */
  ebsGiB: z.int(),
  /** In Spark's notation, such as 6g; so are the three sizes below. */
  executorMemory: z.string(),
  executorMemoryOverhead: z.string(),
  driverMemory: z.string(),
  /** Plans of kept clusters that were created before this was configurable lack it. */
  driverMemoryOverhead: z.string().default("2g"),
  idleTimeoutSeconds: z.int(),
  applications: z.array(requestPart),
  configurations: z.array(requestPart),
  managedScalingPolicy: requestPart,
  instances: requestPart,
});
export type ClusterPlan = Readonly<z.output<typeof clusterPlanSchema>>;

/** A cluster that stays alive after its run has succeeded. */
export const keptClusterSchema = z.object({
  clusterId: z.string(),
  /** When it is terminated: ISO 8601, UTC. */
  until: z.string(),
  usdPerHour: z.number(),
});
export type KeptCluster = Readonly<z.output<typeof keptClusterSchema>>;
