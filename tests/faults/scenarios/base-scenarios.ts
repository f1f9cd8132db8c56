import type { Deployed } from "../account/deployed.ts";
import { buildScenario, cancelFails, failedStep, fault, hangingStep, stop } from "./build-scenario.ts";
import { persistently } from "./failures.ts";
import { once } from "./once.ts";
import { playOnce } from "./play.ts";
import type { Scenario } from "./scenario.ts";

/** An execution without faults. */
export const withoutFaults = buildScenario([]);

/** Returns the number of an event in the history of an execution without faults. */
export async function eventNumber(deployed: Deployed, type: string, state: string): Promise<number> {
  const { executions } = await playOnce(deployed, withoutFaults);
  return 1 + (executions[0]?.history.findIndex((event) => event.type === type && event.state === state) ?? 0);
}

/** Returns scenarios that together enter every state and make every call. Other scenarios add faults to them. */
export const baseScenarios = once(makeScenarios);

async function makeScenarios(deployed: Deployed): Promise<readonly Scenario[]> {
  const whileStepRuns = stop(await eventNumber(deployed, "TaskSubmitted", "Inventory"), 60_000);
  return [
    withoutFaults,
    buildScenario([failedStep]),
    // The cluster exists, but its id is unknown.
    buildScenario([fault("CreateCluster", "emr:RunJobFlow", "answer lost")]),
    // The teardown does not name the cluster either, so that the diagnosis has to look for it.
    buildScenario([
      fault("CreateCluster", "emr:RunJobFlow", "answer lost"),
      fault("TerminateClusterAfterFailure", "lambda:Invoke", "Lambda.Unknown", persistently),
    ]),
    // Without core nodes there is no managed scaling.
    buildScenario([], undefined, { inputs: [() => ({ cluster: {} })] }),
    buildScenario([fault("*", "protection:Inventory", "PROTECTED"), failedStep]),
    // The second execution starts while the first one runs.
    buildScenario([], undefined, { overlap: "queue", starts: [0, 60_000] }),
    buildScenario([], undefined, { overlap: "skip", starts: [0, 60_000] }),
    // The cluster can be ended only by the sweep, only by the event of the stop, and only by the event of a time-out.
    buildScenario([hangingStep, ...cancelFails], [whileStepRuns], { deliveries: [[], []] }),
    buildScenario([hangingStep, ...cancelFails], [whileStepRuns]),
    buildScenario([hangingStep, ...cancelFails], [{ ...whileStepRuns, status: "TIMED_OUT" }]),
  ];
}
