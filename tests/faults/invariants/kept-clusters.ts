import { keepUntilTag } from "../../../lambdas/contract/tags.ts";
import { type Cluster, ownerOf, runOf } from "../account/cluster.ts";
import type { Execution } from "../account/execution.ts";
import type { Simulation } from "../account/simulation.ts";
import { minuteMs } from "./runs.ts";

/** The period of the sweep plus the time that it takes. */
export const sweepMs = 17 * minuteMs;

/** Returns a cluster's deadline in ms, if it has one. */
export function deadlineOf({ Tags }: Cluster): number | undefined {
  const time = Date.parse(Tags.find(({ Key }) => Key === keepUntilTag)?.Value ?? "");
  return Number.isNaN(time) ? undefined : time;
}

function creatorOf(simulation: Simulation, cluster: Cluster): Execution | undefined {
  return simulation.executions.find(({ arn }) => arn === ownerOf(cluster));
}

/** Tells whether the cluster must be kept: its input asked for it, the execution succeeded and the deadline is set. */
export function isKept(simulation: Simulation, cluster: Cluster): boolean {
  const creator = creatorOf(simulation, cluster);
  const { keepMinutes } = (creator?.input ?? {}) as { keepMinutes?: number };
  if (creator === undefined || keepMinutes === undefined) return false;
  // A failed run ended the cluster before a redrive succeeded.
  const endedBeforeRedrive = (cluster.endingSince ?? Number.POSITIVE_INFINITY) < (creator.runs.at(-1)?.startedAt ?? 0);
  return creator.status === "SUCCEEDED" && deadlineOf(cluster) !== undefined && !endedBeforeRedrive;
}

/** Returns the kept cluster that an execution reuses. */
export function reusedClusterOf(simulation: Simulation, { input }: Execution): Cluster | undefined {
  const { cluster } = (input ?? {}) as { cluster?: { id: string } };
  return simulation.emr.clusters.get(cluster?.id ?? "");
}

/** Tells whether the scenario itself ended the cluster, by an instance failure or a person. */
function isEndedByScenario(simulation: Simulation, cluster: Cluster): boolean {
  const { Code: code, Message: message = "" } = cluster.Status.StateChangeReason;
  const isEndedByCall = simulation.clusterCalls.some((one) => one.cluster === cluster && one.ended);
  return code === "INSTANCE_FAILURE" || (!isEndedByCall && !message.includes("idle"));
}

function missedDeadlines(simulation: Simulation): string[] {
  return simulation.createdClusters
    .filter((cluster) => isKept(simulation, cluster) && !isEndedByScenario(simulation, cluster))
    .flatMap((cluster) => {
      const lateMs = (cluster.endingSince ?? Number.POSITIVE_INFINITY) - (deadlineOf(cluster) ?? 0);
      const isSweepHealthy = !simulation.scenario.faults.some(({ state }) => state === "layer 3");
      if (lateMs < 0) return [`${cluster.Id} was ended ${-lateMs / minuteMs} minutes before its deadline`];
      return isSweepHealthy && lateMs > sweepMs ? [`${cluster.Id} was ended ${lateMs / minuteMs} minutes late`] : [];
    });
}

function remainingSteps(simulation: Simulation): string[] {
  const { faults, deliveries = [] } = simulation.scenario;
  const isEventPrompt = deliveries.every((delays) => delays.some((delay) => delay < minuteMs));
  const isCleanUpHealthy = !faults.some(({ state }) => ["TerminateClusterAfterFailure", "layer 2"].includes(state));
  if (!isEventPrompt || !isCleanUpHealthy) return [];
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
export function keptClusterLivesUntilDeadline(simulation: Simulation): string[] {
  return [...missedDeadlines(simulation), ...remainingSteps(simulation)];
}
