import type { Cluster, ClusterState } from "@aws-sdk/client-emr";

/** States of a cluster that keeps costing money until something terminates it. */
export const endableStates: readonly ClusterState[] = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"];

/** States of a cluster that may still cost money and that still uses its roles and its network. */
export const activeStates: readonly ClusterState[] = [...endableStates, "TERMINATING"];

export function stateOf(cluster: Cluster): string {
  return cluster.Status?.State ?? "UNKNOWN";
}

/** Whether a cluster in this state runs until something terminates it. */
export function isAlive(state: string | undefined): boolean {
  return endableStates.some((endable) => endable === state);
}

/** Whether a cluster in this state can run steps. */
export function isReady(state: string): boolean {
  return state === "RUNNING" || state === "WAITING";
}

export function isGone(state: string): boolean {
  return state === "TERMINATED" || state === "TERMINATED_WITH_ERRORS";
}

/** Whether the cluster has been terminated or is on its way there. */
export function isEnding(state: string): boolean {
  return state === "TERMINATING" || isGone(state);
}
