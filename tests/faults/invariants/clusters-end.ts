import { type Cluster, isGone, ownerOf } from "../account/cluster.ts";
import type { Simulation } from "../account/simulation.ts";
import { persistently } from "../scenarios/failures.ts";
import { isKept, sweepMs } from "./kept-clusters.ts";
import { layerOf } from "./layers.ts";
import {
  cleanUp,
  deliveriesInTime,
  type ExecutionRun,
  faultsIn,
  firstFailure,
  hasDone,
  hasFault,
  isWellInTheEnd,
  minuteMs,
  runsOf,
  timeForLayer2Ms,
  wasCutOff,
} from "./runs.ts";

/** Whether the clean-up cannot end the cluster. It need not list clusters if the state has the id. */
function isCleanUpHit(simulation: Simulation, run: ExecutionRun): boolean {
  const isIdKnown = hasDone(run, "CreateCluster");
  return hasFault(simulation, run.execution, ({ state, operation, times }) => {
    return state === cleanUp && times === persistently && !(isIdKnown && operation === "emr:ListClusters");
  });
}

/** When layer 2 must have ended a cluster: after an event that arrives once the cluster exists; never, if a fault prevents it. */
function byLayer2(simulation: Simulation, run: ExecutionRun, createdAt: number): number {
  const faults = faultsIn(simulation, run.execution, "layer 2").filter(
    ({ operation }) => !operation.startsWith("sns:"),
  );
  if (!isWellInTheEnd(faults) || run.outcome.status === "SUCCEEDED") return Number.POSITIVE_INFINITY;
  const [at = Number.POSITIVE_INFINITY] = deliveriesInTime(simulation, run).flatMap((one) =>
    one.at >= createdAt ? one.at : [],
  );
  return at + (faults.length === 0 ? minuteMs : timeForLayer2Ms);
}

/** When the sweep must have ended a cluster: at the first sweep that finds the cluster, and its execution over. */
function byLayer3(simulation: Simulation, { execution, number }: ExecutionRun, createdAt: number): number {
  const over = runsOf(execution).find((one) => one.number >= number && one.until - one.endedAt > sweepMs);
  const outage = faultsIn(simulation, execution, "layer 3").length > 0 ? simulation.outageUntil : 0;
  return Math.max(over?.endedAt ?? Number.POSITIVE_INFINITY, createdAt, outage) + sweepMs;
}

/** Reports a cluster that ended later, or by a later layer, than the first layer that could end it. */
function isLate(simulation: Simulation, run: ExecutionRun, cluster: Cluster): string[] {
  const { Id: id, endingSince = Number.POSITIVE_INFINITY } = cluster;
  // Idleness ends a cluster while Step Functions still waits for an answer that never comes.
  if (endingSince < Math.min(run.endedAt, firstFailure(run)?.at ?? Number.POSITIVE_INFINITY)) return [];
  if (isKept(simulation, cluster)) return [];
  const layer = layerOf(simulation, cluster);
  if (!wasCutOff(simulation, run) && !isCleanUpHit(simulation, run))
    return layer > 1 ? [`${id} was ended by layer ${layer}, not by its execution`] : [];
  const createdAt = 1000 * cluster.Status.Timeline.CreationDateTime;
  const [second, third] = [byLayer2, byLayer3].map((due) => due(simulation, run, createdAt));
  const lateMs = endingSince - Math.min(second ?? 0, third ?? 0);
  return lateMs > 0 ? [`${id} was ended ${lateMs / minuteMs} minutes late, by layer ${layer}`] : [];
}

/** Every cluster ends: by its execution when a Catch can see the failure, otherwise when the next layer acts. */
export function everyClusterEnds(simulation: Simulation): string[] {
  return simulation.creations.flatMap(({ cluster, by }) => {
    const execution = simulation.executions.find(({ arn }) => arn === ownerOf(cluster));
    const run = execution && runsOf(execution)[by.run ?? 0];
    if (run === undefined) return [`${cluster.Id} has no execution's tag`];
    const isStuck =
      cluster.Status.State === "TERMINATING" && hasFault(simulation, run.execution, (f) => f.failure.name === "NEVER");
    return isGone(cluster) || isStuck ? isLate(simulation, run, cluster) : [`${cluster.Id} is ${cluster.Status.State}`];
  });
}
