import type { Cluster } from "../emr.ts";
import type { Execution } from "../execution.ts";
import { ownerOf, runOf, type World } from "../world.ts";
import { minuteMs } from "./runs.ts";

/** The period of the sweep, and the time that it takes. */
export const sweepMs = 17 * minuteMs;

/** A cluster's deadline in ms, if it has one. */
export function deadlineOf({ Tags }: Cluster): number | undefined {
  const time = Date.parse(Tags.find(({ Key }) => Key === "orchard:keep-until")?.Value ?? "");
  return Number.isNaN(time) ? undefined : time;
}

function creatorOf(world: World, cluster: Cluster): Execution | undefined {
  return world.executions.find(({ arn }) => arn === ownerOf(cluster));
}

/** Whether keeping was requested, the run succeeded, and the cluster has a deadline. A redrive does not revive a cluster that its failure ended. */
export function isKept(world: World, cluster: Cluster): boolean {
  const creator = creatorOf(world, cluster);
  if (creator === undefined || !("keepMinutes" in creator.input)) return false;
  const isOver = (cluster.endingSince ?? Number.POSITIVE_INFINITY) < (creator.runs.at(-1)?.startedAt ?? 0);
  return creator.status === "SUCCEEDED" && deadlineOf(cluster) !== undefined && !isOver;
}

/** The cluster that an execution's input names. */
export function borrowedBy(world: World, { input }: Execution): Cluster | undefined {
  const { cluster } = input as { cluster?: { id: string } };
  return world.emr.clusters.get(cluster?.id ?? "");
}

function isForeign({ Status: { StateChangeReason: reason } }: Cluster): boolean {
  return reason.Code === "INSTANCE_FAILURE";
}

/** Whether the cluster ended by itself or by a person, as the scenario wants it. */
function isPersons(world: World, cluster: Cluster): boolean {
  return (
    !world.clusterCalls.some((one) => one.cluster === cluster && one.ended) &&
    !cluster.Status.StateChangeReason.Message?.includes("idle")
  );
}

function deadlines(world: World): string[] {
  return world.created
    .filter((cluster) => isKept(world, cluster) && !isForeign(cluster) && !isPersons(world, cluster))
    .flatMap((cluster) => {
      const lateMs = (cluster.endingSince ?? Number.POSITIVE_INFINITY) - (deadlineOf(cluster) ?? 0);
      const isSweepWell = !world.scenario.faults.some(({ state }) => state === "layer 3");
      if (lateMs < 0) return [`${cluster.Id} was ended ${-lateMs / minuteMs} minutes before its deadline`];
      return isSweepWell && lateMs > sweepMs ? [`${cluster.Id} was ended ${lateMs / minuteMs} minutes late`] : [];
    });
}

function leftSteps(world: World): string[] {
  const { faults, deliveries = [] } = world.scenario;
  const isHeard = deliveries.every((delays) => delays.some((delay) => delay < minuteMs));
  const isCleanUpWell = !faults.some(({ state }) => ["TerminateClusterAfterFailure", "layer 2"].includes(state));
  if (!isHeard || !isCleanUpWell) return [];
  return world.executions.flatMap((execution) => {
    const cluster = borrowedBy(world, execution);
    if (cluster === undefined || ["SUCCEEDED", "RUNNING"].includes(execution.status)) return [];
    return cluster.steps
      .filter((step) => runOf(step) === execution.name)
      .filter(({ Status: { Timeline: time } }) => 1000 * (time.EndDateTime ?? 1e12) > execution.endedAt + 5 * minuteMs)
      .map(({ Id, Name }) => `step ${Id} (${Name}) of ${execution.name} went on after its failure`);
  });
}

/** A kept cluster lives until its deadline, and a run that fails on it leaves no step there. */
export function keptAsPromised(world: World): string[] {
  return [...deadlines(world), ...leftSteps(world)];
}
