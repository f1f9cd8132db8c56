import type { Cluster } from "@aws-sdk/client-emr";
import { tagOf } from "../aws/emr.ts";
import { rootVolumeGiB, usdPerNodeHour } from "../catalog/instance-types.ts";
import { ebsUsdPerGiBHour } from "../catalog/prices.ts";
import type { ClusterPlan, KeptCluster } from "../contract/cluster-plan.ts";
import type { Plan } from "../contract/plan.ts";
import { keepUntilTag } from "../contract/tags.ts";
import { executorsPerNode, memoryProblem } from "./executor-memory.ts";
import type { PlannedCluster, PlanRequest } from "./planner.ts";
import { mostExpensive, quote } from "./quote.ts";
import { type ClusterShape, fleetTypesOf, workersOf } from "./run-job-flow.ts";

/** What a cluster costs in an hour, in US dollars: the dearest type of each fleet on demand, EMR's charge and EBS. */
export function usdPerHour(plan: ClusterPlan): number {
  const { coreCount, ebsGiB } = plan;
  const [primaryTypes = [], coreTypes = []] = fleetTypesOf(plan);
  return (
    usdPerNodeHour(mostExpensive(primaryTypes)) +
    (coreCount === 0 ? 0 : coreCount * usdPerNodeHour(mostExpensive(coreTypes))) +
    (1 + coreCount) * (ebsGiB + rootVolumeGiB) * ebsUsdPerGiBHour
  );
}

/** What it costs to keep a cluster after its run, in US dollars. @param coreCount nodes that it has then */
export function keptUsd(plan: ClusterPlan, keepMinutes: number, coreCount = plan.coreCount): number {
  return (usdPerHour({ ...plan, coreCount }) * keepMinutes) / 60;
}

/** What the planner knew of a cluster that it had planned. */
function shapeOf(plan: ClusterPlan): ClusterShape {
  const [primaryTypes = [], coreTypes = []] = fleetTypesOf(plan);
  return { ...plan, primaryTypes, coreTypes };
}

/**
 * The plan of a run on a kept cluster: the cluster as its creator planned it, the executors' memory as asked for, and a
 * quote of the run alone.
 */
export function planBorrowed(
  created: ClusterPlan,
  { work, overrides, region }: Pick<PlanRequest, "work" | "overrides" | "region">,
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
  const { minutes, usd, arithmetic } = quote(shape, work, region, true);
  return {
    cluster: { ...created, executorMemory, executorMemoryOverhead, executors },
    estimate: {
      minutes: Number(minutes.toFixed(1)),
      usd: Number(usd.toFixed(2)),
      usdAtMost: Number(usd.toFixed(2)),
      arithmetic,
    },
    problems: problem === undefined ? [] : [problem],
  };
}

/** What the run's later states and its mail have to know of a cluster that passed the checks. */
export function describeBorrowed(cluster: Cluster, plan: ClusterPlan): KeptCluster {
  return {
    clusterId: cluster.Id ?? "",
    until: `${new Date(tagOf(cluster, keepUntilTag) ?? "").toISOString().slice(0, 19)}Z`,
    usdPerHour: usdPerHour(plan),
  };
}

/** The quote with the time that the cluster is kept after the run: it costs as much as the run's own. */
export function withKeeping(quoted: Plan["estimate"], plan: ClusterPlan, keepMinutes: number): Plan["estimate"] {
  if (keepMinutes === 0 || quoted.minutes === 0) return quoted;
  const hourly = usdPerHour(plan);
  const kept = keptUsd(plan, keepMinutes);
  const keptAtMost = keptUsd(plan, keepMinutes, plan.maxCoreCount);
  return {
    minutes: quoted.minutes,
    usd: Number((quoted.usd + kept).toFixed(2)),
    usdAtMost: Number((quoted.usdAtMost + keptAtMost).toFixed(2)),
    arithmetic:
      `${quoted.arithmetic}; kept afterwards: ${hourly.toFixed(3)} USD/h x ${keepMinutes} min = ${kept.toFixed(2)} USD; ` +
      `${(quoted.usd + kept).toFixed(2)} USD in all`,
  };
}
