import type { Deployed } from "../account/deployed.ts";

/** Makes a function that finds something about a deployed stack once, for all test files of a worker. */
export function once<Found>(find: (deployed: Deployed) => Promise<Found>): (deployed: Deployed) => Promise<Found> {
  const found = new WeakMap<Deployed, Promise<Found>>();
  return (deployed) => {
    const one = found.get(deployed) ?? find(deployed);
    found.set(deployed, one);
    return one;
  };
}
