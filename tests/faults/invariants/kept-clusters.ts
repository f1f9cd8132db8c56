import { keepUntilTag } from "../../../lambdas/contract/tags.ts";
import { type Cluster, ownerOf, runOf } from "../account/cluster.ts";
import type { Execution } from "../account/execution.ts";
import type { Simulation } from "../account/simulation.ts";
import { minuteMs } from "./runs.ts";

/** The period of the sweep, and the time that it takes. */
export const sweepMs = 17 * minuteMs;

/** A cluster's deadline in ms, if it has one. */
export function deadlineOf({ Tags }: Cluster): number | undefined {
  const time = Date.parse(Tags.find(({ Key }) => Key === keepUntilTag)?.Value ?? "");
  return Number.isNaN(time) ? undefined : time;
}

function creatorOf(simulation: Simulation, cluster: Cluster): Execution | undefined {
  return simulation.executions.find(({ arn }) => arn === ownerOf(cluster));
}

/** Whether keeping was requested, the run succeeded, and the cluster has a deadline. A redrive does not revive a cluster that its failure ended. */
export function isKept(simulation: Simulation, cluster: Cluster): boolean {
  const creator = creatorOf(simulation, cluster);
  if (creator === undefined || !("keepMinutes" in creator.input)) return false;
  const isOver = (cluster.endingSince ?? Number.POSITIVE_INFINITY) < (creator.runs.at(-1)?.startedAt ?? 0);
  return creator.status === "SUCCEEDED" && deadlineOf(cluster) !== undefined && !isOver;
}

/** The cluster that an execution's input names. */
export function reusedClusterOf(simulation: Simulation, { input }: Execution): Cluster | undefined {
  const { cluster } = input as { cluster?: { id: string } };
  return simulation.emr.clusters.get(cluster?.id ?? "");
}

function isForeign({ Status: { StateChangeReason: reason } }: Cluster): boolean {
  return reason.Code === "INSTANCE_FAILURE";
}

/** Whether the cluster ended by itself or by a person, as the scenario wants it. */
function isPersons(simulation: Simulation, cluster: Cluster): boolean {
  return (
    !simulation.clusterCalls.some((one) => one.cluster === cluster && one.ended) &&
    !cluster.Status.StateChangeReason.Message?.includes("idle")
  );
}

function deadlines(simulation: Simulation): string[] {
  return simulation.createdClusters
    .filter((cluster) => isKept(simulation, cluster) && !isForeign(cluster) && !isPersons(simulation, cluster))
    .flatMap((cluster) => {
      const lateMs = (cluster.endingSince ?? Number.POSITIVE_INFINITY) - (deadlineOf(cluster) ?? 0);
      const isSweepWell = !simulation.scenario.faults.some(({ state }) => state === "layer 3");
      if (lateMs < 0) return [`${cluster.Id} was ended ${-lateMs / minuteMs} minutes before its deadline`];
      return isSweepWell && lateMs > sweepMs ? [`${cluster.Id} was ended ${lateMs / minuteMs} minutes late`] : [];
    });
}

function leftSteps(simulation: Simulation): string[] {
  const { faults, deliveries = [] } = simulation.scenario;
  const isHeard = deliveries.every((delays) => delays.some((delay) => delay < minuteMs));
  const isCleanUpWell = !faults.some(({ state }) => ["TerminateClusterAfterFailure", "layer 2"].includes(state));
  if (!isHeard || !isCleanUpWell) return [];
  return simulation.executions.flatMap((execution) => {
    const cluster = reusedClusterOf(simulation, execution);
    if (cluster === undefined || ["SUCCEEDED", "RUNNING"].includes(execution.status)) return [];
    return cluster.steps
      .filter((step) => runOf(step) === execution.name)
      .filter(({ Status: { Timeline: time } }) => 1000 * (time.EndDateTime ?? 1e12) > execution.endedAt + 5 * minuteMs)
      .map(({ Id, Name }) => `step ${Id} (${Name}) of ${execution.name} went on after its failure`);
  });
}

/** A kept cluster lives until its deadline, and a run that fails on it leaves no step there. */
export function keptAsPromised(simulation: Simulation): string[] {
  return [...deadlines(simulation), ...leftSteps(simulation)];
}
