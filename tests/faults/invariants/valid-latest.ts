import type { Simulation } from "../account/simulation.ts";

/** `runs/latest.json` never points at the results of an invalid run. */
export function latestIsValid(simulation: Simulation): string[] {
  return simulation.invalidLatest.map((run) => `latest pointed at ${run}`);
}
