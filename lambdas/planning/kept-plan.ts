import type { Cluster } from "@aws-sdk/client-emr";
import { tagOf } from "../aws/emr.ts";
import type { ClusterPlan, KeptCluster } from "../contract/cluster-plan.ts";
import type { Plan } from "../contract/plan.ts";
import { keepUntilTag } from "../contract/tags.ts";
import { type ClusterShape, shapeOf, workersOf } from "./cluster-shape.ts";
import { executorsPerNode, memoryProblem } from "./executor-memory.ts";
import { usdForMinutes, usdPerHour } from "./hourly-price.ts";
import type { PlannedCluster, PlanRequest } from "./planner.ts";
import { estimateOf, quote } from "./quote.ts";
import { stepLimits } from "./step-limits.ts";

/**
 * Plans a run on a kept cluster: the cluster stays as its creator planned it, and only the executors' memory may differ. The
 * quote covers the run alone.
 */
export function planBorrowed(
  created: ClusterPlan,
  { work, overrides, region, maxCostUsd }: Pick<PlanRequest, "work" | "overrides" | "region" | "maxCostUsd">,
): PlannedCluster {
  const shape: ClusterShape = {
    ...shapeOf(created),
    executorMemory: overrides.executorMemory ?? created.executorMemory,
    executorMemoryOverhead: overrides.executorMemoryOverhead ?? created.executorMemoryOverhead,
  };
  const { executorMemory, executorMemoryOverhead } = shape;
  const { types, count } = workersOf(shape);
  const executors = count * executorsPerNode(types, shape);
  const problem = memoryProblem(types, shape);
  const quoted = quote(shape, work, region, true);
  return {
    cluster: { ...created, executorMemory, executorMemoryOverhead, executors },
    estimate: estimateOf(quoted),
    stepLimits: stepLimits({ quote: quoted, cluster: created, maxCostUsd }),
    problems: problem === undefined ? [] : [problem],
  };
}

/** A reused cluster that has passed the checks, as plan.json describes it to the later states and the mail. */
export function describeBorrowed(cluster: Cluster, plan: ClusterPlan): KeptCluster {
  return {
    clusterId: cluster.Id ?? "",
    until: toSeconds(new Date(tagOf(cluster, keepUntilTag) ?? "")),
    usdPerHour: usdPerHour(plan),
  };
}

/** A time in ISO 8601, UTC, without milliseconds. */
export function toSeconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

/** Adds the time that the cluster is kept after the run, at the same hourly price, to the quote. */
export function withKeeping(quoted: Plan["estimate"], plan: ClusterPlan, keepMinutes: number): Plan["estimate"] {
  if (keepMinutes === 0 || quoted.minutes === 0) return quoted;
  const hourly = usdPerHour(plan);
  const kept = usdForMinutes(plan, keepMinutes);
  const keptAtMost = usdForMinutes(plan, keepMinutes, plan.maxCoreCount);
  return {
    ...quoted,
    usd: Number((quoted.usd + kept).toFixed(2)),
    usdAtMost: Number((quoted.usdAtMost + keptAtMost).toFixed(2)),
    arithmetic:
      `${quoted.arithmetic}; kept afterwards: ${hourly.toFixed(3)} USD/h x ${keepMinutes} min = ${kept.toFixed(2)} USD; ` +
      `${(quoted.usd + kept).toFixed(2)} USD in all`,
  };
}
