import type { Cluster } from "./emr.ts";
import type { Execution } from "./execution.ts";
import { aFailure, type Fault, persistently } from "./failures.ts";
import { ownerOf, runOf, type Scenario, type World } from "./world.ts";

const minute = 60_000;
const keepMinutes = 120;
/** When the second execution starts: the first is over by then, unless it was held up. */
const later = 40 * minute;
/** The sweep's period, and what it takes. */
export const sweepMs = 17 * minute;

/** Keeps its cluster. */
export function keep(): object {
  return { keepMinutes };
}

/** Runs on the cluster that the first execution created, whatever became of it. */
export function borrow(world: World): object {
  return { force: true, cluster: { id: world.created[0]?.Id ?? "j-0NONE" } };
}

/** A cluster's deadline in ms, if it has one. */
export function deadlineOf({ Tags }: Cluster): number | undefined {
  const time = Date.parse(Tags.find(({ Key }) => Key === "orchard:keep-until")?.Value ?? "");
  return Number.isNaN(time) ? undefined : time;
}

function creatorOf(world: World, cluster: Cluster): Execution | undefined {
  return world.executions.find(({ arn }) => arn === ownerOf(cluster));
}

/** It was asked for, it succeeded, and it has a deadline; a redrive does not bring back one that its failure has ended. */
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

/** By itself or by a person: a scenario's own doing. */
function isPersons(world: World, cluster: Cluster): boolean {
  return (
    !world.touches.some((one) => one.cluster === cluster && one.ended) &&
    !cluster.Status.StateChangeReason.Message?.includes("idle")
  );
}

function deadlines(world: World): string[] {
  return world.created
    .filter((cluster) => isKept(world, cluster) && !isForeign(cluster) && !isPersons(world, cluster))
    .flatMap((cluster) => {
      const lateMs = (cluster.endingSince ?? Number.POSITIVE_INFINITY) - (deadlineOf(cluster) ?? 0);
      const isSweepWell = !world.scenario.faults.some(({ state }) => state === "layer 3");
      if (lateMs < 0) return [`${cluster.Id} was ended ${-lateMs / minute} minutes before its deadline`];
      return isSweepWell && lateMs > sweepMs ? [`${cluster.Id} was ended ${lateMs / minute} minutes late`] : [];
    });
}

function leftSteps(world: World): string[] {
  const { faults, deliveries = [] } = world.scenario;
  const isHeard = deliveries.every((delays) => delays.some((delay) => delay < minute));
  const isCleanUpWell = !faults.some(({ state }) => ["TerminateClusterAfterFailure", "layer 2"].includes(state));
  if (!isHeard || !isCleanUpWell) return [];
  return world.executions.flatMap((execution) => {
    const cluster = borrowedBy(world, execution);
    if (cluster === undefined || ["SUCCEEDED", "RUNNING"].includes(execution.status)) return [];
    return cluster.steps
      .filter((step) => runOf(step) === execution.name)
      .filter(({ Status: { Timeline: time } }) => 1000 * (time.EndDateTime ?? 1e12) > execution.endedAt + 5 * minute)
      .map(({ Id, Name }) => `step ${Id} (${Name}) of ${execution.name} went on after its failure`);
  });
}

/** The invariant of clusters that go on. */
export function keptAsPromised(world: World): string[] {
  return [...deadlines(world), ...leftSteps(world)];
}

const two = { starts: [0, later], inputs: [keep, borrow] };

function on(execution: string, state: string, operation: string, failure: string, times = 1): Fault {
  return {
    state,
    operation,
    failure: aFailure(operation, failure),
    times,
    execution,
  };
}
const hangs = on("run-2", "*", "step:Inventory", "HANGS");
const cancelFails = on("run-2", "cancel", "emr:CancelSteps", "AccessDeniedException", persistently);

/** Runs with a kept cluster from which other scenarios are made: all is well, and failures of the run that borrows it. */
export const keeping: readonly Scenario[] = [
  { name: "kept", faults: [], inputs: [keep] },
  { name: "kept and borrowed", faults: [], ...two },
  { name: "a step fails on a borrowed cluster", faults: [on("run-2", "*", "step:Inventory", "FAILED")], ...two },
  { name: "a step hangs on a borrowed cluster", faults: [hangs, cancelFails], ...two },
  {
    name: "invalid results from a borrowed cluster",
    faults: [on("run-2", "*", "results:Inventory", "INVALID")],
    ...two,
  },
  {
    name: "a borrowed cluster dies",
    faults: [on("run-2", "*", "step:ExtractFeatures", "INSTANCE_FAILURE")],
    ...two,
  },
  {
    name: "stopped while its step hangs on a borrowed cluster",
    faults: [hangs, cancelFails],
    stops: [{ execution: "run-2", event: 20, afterMs: 5 * minute, status: "ABORTED" }],
    ...two,
  },
];

/** The execution that keeps, and the one that borrows, are stopped at every event from the first that differs. */
export async function stopsWhileKept(play: (scenario: Scenario) => Promise<World>): Promise<Scenario[]> {
  const world = await play({ name: "", faults: [], ...two });
  const scenarios: Scenario[] = [];
  for (const [name, first] of [
    ["run-1", "KeepCluster"],
    ["run-2", "UploadScripts"],
  ] as const) {
    const history = world.executions.find((one) => one.name === name)?.history ?? [];
    const from = history.findIndex(({ state }) => state === first);
    for (let event = from + 1; event < history.length; event += 1) {
      // What Step Functions cancels by itself comes to nothing.
      scenarios.push({
        name: `${name} is stopped at event ${event}, with a kept cluster`,
        faults: [cancelFails],
        stops: [{ execution: name, event, afterMs: 0, status: "ABORTED" }],
        ...two,
      });
    }
  }
  return scenarios;
}
