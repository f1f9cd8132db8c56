import { z } from "zod";
import type { ClusterPlan } from "../contract/cluster-plan.ts";
import type { ExecutorMemory } from "./executor-memory.ts";

/** The planner's decisions about a cluster. */
export interface ClusterShape extends ExecutorMemory {
  readonly primaryTypes: readonly string[];
  readonly coreTypes: readonly string[];
  /** 0 for a single-node cluster, whose primary node runs YARN. */
  readonly coreCount: number;
  readonly maxCoreCount: number;
  readonly market: ClusterPlan["market"];
  readonly ebsGiB: number;
}

/** The instance types and the number of the nodes that run executors. */
export function workersOf(shape: Pick<ClusterShape, "primaryTypes" | "coreTypes" | "coreCount">) {
  return shape.coreCount === 0
    ? ({ types: shape.primaryTypes, count: 1 } as const)
    : ({ types: shape.coreTypes, count: shape.coreCount } as const);
}

const fleetsSchema = z.object({
  InstanceFleets: z.array(z.object({ InstanceTypeConfigs: z.array(z.object({ InstanceType: z.string() })) })),
});

/** The instance types of each fleet of a plan: the primary node's, then the core nodes' if there are any. */
export function fleetTypesOf({ instances }: ClusterPlan): readonly (readonly string[])[] {
  return fleetsSchema
    .parse(instances)
    .InstanceFleets.map(({ InstanceTypeConfigs: configs }) => configs.map(({ InstanceType }) => InstanceType));
}

/** The shape that a plan was made from. */
export function shapeOf(plan: ClusterPlan): ClusterShape {
  const [primaryTypes = [], coreTypes = []] = fleetTypesOf(plan);
  return { ...plan, primaryTypes, coreTypes };
}
