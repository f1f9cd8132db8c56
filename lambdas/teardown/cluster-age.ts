import type { Cluster } from "@aws-sdk/client-emr";
import type { ClusterPlan } from "../contract/cluster-plan.ts";
import { usdPerHour } from "../planning/hourly-price.ts";

/** Leaves time to start and end the cluster and to poll for its steps, however small the budget is. */
const minHours = 1;

/**
 * Age in hours at which a cluster has used up the run's budget, with as many nodes as managed scaling may add. It bounds
 * the cost of a run whose estimate is wrong or whose step hangs.
 */
export function maxHours(cluster: ClusterPlan, maxCostUsd: number): number {
  const hours = maxCostUsd / usdPerHour({ ...cluster, coreCount: cluster.maxCoreCount });
  return Math.max(minHours, Math.floor(100 * hours) / 100);
}

/** Age of a cluster, or its age when it was terminated. */
export function ageMs({ Status: { Timeline } = {} }: Cluster, now: Date): number {
  return Timeline?.CreationDateTime ? (Timeline.EndDateTime ?? now).getTime() - Timeline.CreationDateTime.getTime() : 0;
}
