import { maxHoursTag } from "../../../lambdas/contract/tags.ts";
import type { ClusterCall } from "../account/records.ts";
import type { Simulation } from "../account/simulation.ts";
import { deadlineOf } from "./kept-clusters.ts";
import { layers } from "./layers.ts";

const hourMs = 3_600_000;
/** The stack's MAX_CLUSTER_HOURS. */
const maxClusterHours = 24;

function isRightful(simulation: Simulation, { by, owner, statusSeen, cluster, at }: ClusterCall): boolean {
  if (owner === undefined) return false;
  if (!(by.state in layers)) return simulation.executions.find(({ name }) => name === by.execution)?.arn === owner;
  if (!owner.startsWith(simulation.deployed.stateMachineArn.replace(":stateMachine:", ":execution:"))) return false;
  const maxHours = cluster.Tags.find(({ Key }) => Key === maxHoursTag)?.Value;
  const oldestMs = Math.min(maxClusterHours, Number(maxHours ?? maxClusterHours)) * hourMs;
  if (at - 1000 * cluster.Status.Timeline.CreationDateTime > oldestMs) return true;
  // Only a success keeps a cluster.
  if ((deadlineOf(cluster) ?? 0) > at && (statusSeen === undefined || statusSeen.status === "SUCCEEDED")) return false;
  // Each invocation reads the status itself; a redrive between the reading and the call cannot be excluded.
  return statusSeen !== undefined && statusSeen.status !== "RUNNING";
}

/** Nothing modifies or ends a cluster except its own execution, or a layer that has seen that the execution is over. */
export function onlyOwnClusters(simulation: Simulation): string[] {
  return simulation.clusterCalls
    .filter((call) => !isRightful(simulation, call))
    .map(({ by, operation, cluster, owner = "nobody", ownerStatus = "unknown", statusSeen }) => {
      const knowledge = `which is ${ownerStatus}; the caller had read ${statusSeen?.status ?? "nothing"}`;
      return `${by.state} called ${operation} for ${cluster.Name} of ${owner}, ${knowledge}`;
    });
}
