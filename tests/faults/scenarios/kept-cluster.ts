import type { Simulation } from "../account/simulation.ts";
import { type Fault, findFailure, persistently } from "./failures.ts";
import type { Scenario } from "./scenario.ts";

const minute = 60_000;
const keepMinutes = 120;
/** The first execution ends before the second one starts, unless a fault delays it. */
const secondStart = 40 * minute;

/** Returns the input of an execution that keeps its cluster. */
export function inputToKeepCluster(): object {
  return { keepMinutes };
}

/** Returns the input of an execution that reuses the first execution's cluster. */
export function inputToReuseCluster({ createdClusters }: Simulation): object {
  return { force: true, cluster: { id: createdClusters[0]?.Id ?? "j-0NONE" } };
}

/** The first execution keeps its cluster, and the second one reuses it. */
const keepAndReuse = { starts: [0, secondStart], inputs: [inputToKeepCluster, inputToReuseCluster] };

function faultOfReuse(state: string, operation: string, failure: string, times = 1): Fault {
  return { state, operation, failure: findFailure(operation, failure), times, execution: "run-2" };
}
const hangs = faultOfReuse("*", "step:Inventory", "HANGS");
const cancelFails = faultOfReuse("cancel", "emr:CancelSteps", "AccessDeniedException", persistently);

const keptAndReused: Scenario = { name: "a kept and reused cluster", faults: [], ...keepAndReuse };

/** Executions that keep or reuse a cluster. Other scenarios add faults to them. */
export const keptClusterScenarios: readonly Scenario[] = [
  { name: "a kept cluster", faults: [], inputs: [inputToKeepCluster] },
  keptAndReused,
  {
    name: "a step fails on a reused cluster",
    faults: [faultOfReuse("*", "step:Inventory", "FAILED")],
    ...keepAndReuse,
  },
  { name: "a step hangs on a reused cluster", faults: [hangs, cancelFails], ...keepAndReuse },
  {
    name: "a run on a reused cluster has invalid results",
    faults: [faultOfReuse("*", "results:Inventory", "INVALID")],
    ...keepAndReuse,
  },
  {
    name: "a reused cluster fails",
    faults: [faultOfReuse("*", "step:ExtractFeatures", "INSTANCE_FAILURE")],
    ...keepAndReuse,
  },
  {
    name: "an execution is stopped while its step hangs on a reused cluster",
    faults: [hangs, cancelFails],
    stops: [{ execution: "run-2", event: 20, afterMs: 5 * minute, status: "ABORTED" }],
    ...keepAndReuse,
  },
];

/** Stops the execution that keeps a cluster, and the one that reuses it, at every event from the first special state. */
export async function stopsWithKeptCluster(
  play: (scenario: Scenario) => Promise<Simulation>,
): Promise<readonly Scenario[]> {
  const { executions } = await play(keptAndReused);
  const firstStates = { "run-1": "KeepCluster", "run-2": "UploadScripts" };
  return Object.entries(firstStates).flatMap(([name, firstState]) => {
    const history = executions.find((one) => one.name === name)?.history ?? [];
    const start = history.findIndex(({ state }) => state === firstState);
    return history.slice(start + 1).map((_, index): Scenario => {
      const event = start + 1 + index;
      return {
        name: `${name} is stopped at event ${event}, with a kept cluster`,
        faults: [cancelFails],
        stops: [{ execution: name, event, afterMs: 0, status: "ABORTED" }],
        ...keepAndReuse,
      };
    });
  });
}
