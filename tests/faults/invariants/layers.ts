import type { Cluster } from "../account/cluster.ts";
import type { Simulation } from "../account/simulation.ts";

/**
 * The mechanism that ended a cluster: 0 the cluster itself or a person, 1 the state machine, 2 the status event, 3 the
 * sweep, 4 EMR's idle time-out.
 */
export type Layer = 0 | 1 | 2 | 3 | 4;

/** The callers outside of the state machine, by the name of their state. */
export const layers: Readonly<Record<string, Layer>> = { "layer 2": 2, "layer 3": 3 };

export function layerOf(simulation: Simulation, cluster: Cluster): Layer {
  const call = simulation.clusterCalls.find((one) => one.cluster === cluster && one.ended);
  if (call !== undefined) return layers[call.by.state] ?? 1;
  return cluster.Status.StateChangeReason.Message?.includes("idle") ? 4 : 0;
}

/** The highest layer that ended a cluster, over all clusters. */
export function latestLayer(simulation: Simulation): Layer {
  return simulation.createdClusters
    .map((cluster) => layerOf(simulation, cluster))
    .reduce<Layer>((a, b) => (a > b ? a : b), 0);
}
