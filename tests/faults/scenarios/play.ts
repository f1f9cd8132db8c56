import { inspect } from "node:util";
import type { Deployed } from "../account/deployed.ts";
import { Simulation } from "../account/simulation.ts";
import { once } from "./once.ts";
import type { Scenario } from "./scenario.ts";

/** Longer than any outage, and than the age limit of a cluster. */
const horizonMs = 30 * 3_600_000;
/** A scenario takes less than a second of a core, so one that takes this long hangs. */
const maxRealMs = 90_000;

const played = new Map<Scenario, (deployed: Deployed) => Promise<Simulation>>();

/** Returns a simulation that several tests start from. It is played once, so no test may change it. */
export function playOnce(deployed: Deployed, scenario: Scenario): Promise<Simulation> {
  const simulate = played.get(scenario) ?? once((one) => play(one, scenario));
  played.set(scenario, simulate);
  return simulate(deployed);
}

/**
 * Plays a scenario in virtual time.
 *
 * @throws Error with the whole scenario if it takes longer than the limit of real time
 */
export async function play(deployed: Deployed, scenario: Scenario, limitMs = maxRealMs): Promise<Simulation> {
  const simulation = new Simulation(deployed, scenario);
  const { promise: limit, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const virtual = new Date(simulation.clock.now).toISOString();
    const shown = inspect(scenario, { depth: null });
    const error = new Error(`The scenario did not end within ${limitMs} ms; virtual time is ${virtual}: ${shown}`);
    simulation.clock.halt(error);
    reject(error);
  }, limitMs);
  try {
    return await Promise.race([simulation.play(horizonMs), limit]);
  } finally {
    clearTimeout(timer);
  }
}
