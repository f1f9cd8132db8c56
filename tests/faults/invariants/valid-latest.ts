import type { World } from "../world.ts";

/** `runs/latest.json` never points at the results of an invalid run. */

export function latestIsValid(world: World): string[] {
  return world.wrongLatest.map((run) => `latest pointed at ${run}`);
}
