import { aFailure, type Fault, persistently } from "./failures.ts";
import type { Scenario, World } from "./world.ts";

const minute = 60_000;
const keepMinutes = 120;
/** When the second execution starts: the first is over by then, unless it was held up. */
const later = 40 * minute;

/** Keeps its cluster. */
export function keep(): object {
  return { keepMinutes };
}

/** Runs on the cluster that the first execution created, whatever became of it. */
export function borrow(world: World): object {
  return { force: true, cluster: { id: world.created[0]?.Id ?? "j-0NONE" } };
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
