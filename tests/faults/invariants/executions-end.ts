import type { Simulation } from "../account/simulation.ts";

/** Every execution ends: none is still running when nothing is left to happen. */
export function everyExecutionEnds(simulation: Simulation): string[] {
  return simulation.executions
    .filter(({ status }) => status === "RUNNING")
    .map(({ name, history }) => `${name} still runs; its last event is ${JSON.stringify(history.at(-1))}`);
}
