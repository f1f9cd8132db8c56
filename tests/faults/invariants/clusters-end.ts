import { type Cluster, isGone, ownerOf } from "../account/cluster.ts";
import type { Simulation } from "../account/simulation.ts";
import { persistently } from "../scenarios/failures.ts";
import { isKept, sweepMs } from "./kept-clusters.ts";
import { layerOf } from "./layers.ts";
import {
  areOvercomeByRetries,
  cleanUp,
  deliveriesInTime,
  type ExecutionRun,
  faultsIn,
  firstFailure,
  hasDone,
  hasFault,
  minuteMs,
  runsOf,
  timeForLayer2Ms,
  wasInterrupted,
} from "./runs.ts";

/** Tells whether a fault prevents the clean-up, which lists clusters only if it does not know the cluster's id. */
function isCleanUpBlocked(simulation: Simulation, run: ExecutionRun): boolean {
  const isIdKnown = hasDone(run, "CreateCluster");
  return hasFault(simulation, run.execution, ({ state, operation, times }) => {
    return state === cleanUp && times === persistently && !(isIdKnown && operation === "emr:ListClusters");
  });
}

/** Returns the time by which layer 2 must end a cluster: after the first event that arrives when the cluster exists. */
function layer2Deadline(simulation: Simulation, run: ExecutionRun, createdAt: number): number {
  const faults = faultsIn(simulation, run.execution, "layer 2").filter(
    ({ operation }) => !operation.startsWith("sns:"),
  );
  if (!areOvercomeByRetries(faults) || run.outcome.status === "SUCCEEDED") return Number.POSITIVE_INFINITY;
  const [at = Number.POSITIVE_INFINITY] = deliveriesInTime(simulation, run).flatMap((one) =>
    one.at >= createdAt ? one.at : [],
  );
  return at + (faults.length === 0 ? minuteMs : timeForLayer2Ms);
}

/** Returns the time by which the sweep must end a cluster: the first sweep after its execution and any outage ended. */
function layer3Deadline(simulation: Simulation, { execution, number }: ExecutionRun, createdAt: number): number {
  const lastRun = runsOf(execution).find((one) => one.number >= number && one.until - one.endedAt > sweepMs);
  const outage = faultsIn(simulation, execution, "layer 3").length > 0 ? simulation.outageUntil : 0;
  return Math.max(lastRun?.endedAt ?? Number.POSITIVE_INFINITY, createdAt, outage) + sweepMs;
}

/** Reports a cluster that ended late, or through a later layer than the first one that could end it. */
function lateEnd(simulation: Simulation, run: ExecutionRun, cluster: Cluster): string[] {
  const { Id: id, endingSince = Number.POSITIVE_INFINITY } = cluster;
  // The idle time-out ends a cluster while Step Functions waits for an answer that never comes.
  if (endingSince < Math.min(run.endedAt, firstFailure(run)?.at ?? Number.POSITIVE_INFINITY)) return [];
  if (isKept(simulation, cluster)) return [];
  const layer = layerOf(simulation, cluster);
  if (!wasInterrupted(simulation, run) && !isCleanUpBlocked(simulation, run))
    return layer > 1 ? [`${id} was ended by layer ${layer}, not by its execution`] : [];
  const createdAt = 1000 * cluster.Status.Timeline.CreationDateTime;
  const deadlines = [layer2Deadline, layer3Deadline].map((deadline) => deadline(simulation, run, createdAt));
  const lateMs = endingSince - Math.min(...deadlines);
  return lateMs > 0 ? [`${id} was ended ${lateMs / minuteMs} minutes late, by layer ${layer}`] : [];
}

/** Every cluster ends: through its execution if a Catch gets the failure, otherwise through the next layer. */
export function everyClusterEnds(simulation: Simulation): string[] {
  return simulation.creations.flatMap(({ cluster, by }) => {
    const execution = simulation.executions.find(({ arn }) => arn === ownerOf(cluster));
    const run = execution && runsOf(execution)[by.run ?? 0];
    if (run === undefined) return [`${cluster.Id} has no tag of an execution`];
    const isStuck =
      cluster.Status.State === "TERMINATING" && hasFault(simulation, run.execution, (f) => f.failure.name === "NEVER");
    return isGone(cluster) || isStuck
      ? lateEnd(simulation, run, cluster)
      : [`${cluster.Id} is ${cluster.Status.State}`];
  });
}
