import type { Cluster } from "@aws-sdk/client-emr";
import { tagOf } from "../aws/emr.ts";
import type { ClusterPlan } from "../contract/cluster-plan.ts";
import { maxHoursTag } from "../contract/tags.ts";
import { usdPerHour } from "../planning/hourly-price.ts";

/** What the start, the end and the waiting for steps may take, whatever was estimated. */
const leastHours = 1;

/**
 * How long a cluster may live: what the ceiling pays for, with as many nodes as managed scaling may add. The estimate
 * of a run may be wrong, and a step may hang; what they cost is not to be a surprise.
 */
export function maxHours(cluster: ClusterPlan, maxCostUsd: number): number {
  const hours = maxCostUsd / usdPerHour({ ...cluster, coreCount: cluster.maxCoreCount });
  return Math.max(leastHours, Math.floor(100 * hours) / 100);
}

/** How long a cluster has lived, or had when it ended. */
export function ageMs({ Status: { Timeline } = {} }: Cluster, now: Date): number {
  return Timeline?.CreationDateTime ? (Timeline.EndDateTime ?? now).getTime() - Timeline.CreationDateTime.getTime() : 0;
}

/** What the state machine wrote on the cluster; a text that is no number is no limit. */
export function maxHoursOf(cluster: Cluster): number {
  return Number.parseFloat(tagOf(cluster, maxHoursTag) ?? "") || Number.POSITIVE_INFINITY;
}
