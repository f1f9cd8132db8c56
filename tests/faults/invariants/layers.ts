import type { Cluster } from "../account/cluster.ts";
import type { Simulation } from "../account/simulation.ts";

/** The layer of the teardown that ended a cluster. 0 stands for the cluster itself or a person. */
export type Layer = 0 | 1 | 2 | 3 | 4;

/** The layers that act from outside of an execution, by the state of their callers. */
export const layers: Readonly<Record<string, Layer>> = { "layer 2": 2, "layer 3": 3 };

/** Returns 1 for the state machine, 2 for the status event, 3 for the sweep, and 4 for EMR's idle time-out. */
export function layerOf(simulation: Simulation, cluster: Cluster): Layer {
  const call = simulation.clusterCalls.find((one) => one.cluster === cluster && one.ended);
  if (call !== undefined) return layers[call.by.state] ?? 1;
  return cluster.Status.StateChangeReason.Message?.includes("idle") ? 4 : 0;
}

/** Returns the highest layer that ended any cluster. */
export function latestLayer(simulation: Simulation): Layer {
  return simulation.createdClusters
    .map((cluster) => layerOf(simulation, cluster))
    .reduce<Layer>((a, b) => (a > b ? a : b), 0);
}
