import { maxHoursTag } from "../../../lambdas/contract/tags.ts";
import type { ClusterCall } from "../account/records.ts";
import type { Simulation } from "../account/simulation.ts";
import { deadlineOf } from "./kept-clusters.ts";
import { layers } from "./layers.ts";

const hourMs = 3_600_000;
/** The functions' MAX_CLUSTER_HOURS. */
const maxClusterHours = 48;

function isAllowed(simulation: Simulation, { by, owner, statusSeen, cluster, at }: ClusterCall): boolean {
  if (owner === undefined) return false;
  if (!(by.state in layers)) return simulation.executions.find(({ name }) => name === by.execution)?.arn === owner;
  if (!owner.startsWith(simulation.deployed.stateMachineArn.replace(":stateMachine:", ":execution:"))) return false;
  const maxHours = cluster.Tags.find(({ Key }) => Key === maxHoursTag)?.Value;
  const oldestMs = Math.min(maxClusterHours, Number(maxHours ?? maxClusterHours)) * hourMs;
  if (at - 1000 * cluster.Status.Timeline.CreationDateTime > oldestMs) return true;
  // Only a successful execution keeps its cluster.
  if ((deadlineOf(cluster) ?? 0) > at && (statusSeen === undefined || statusSeen.status === "SUCCEEDED")) return false;
  // A redrive between reading the status and the call cannot be excluded, so the status read counts.
  return statusSeen !== undefined && statusSeen.status !== "RUNNING";
}

/** A cluster is modified or ended only by its own execution, or by a layer that has read that this execution is over. */
export function modifiesOnlyOwnClusters(simulation: Simulation): string[] {
  return simulation.clusterCalls
    .filter((call) => !isAllowed(simulation, call))
    .map(({ by, operation, cluster, owner = "no execution", ownerStatus = "unknown", statusSeen }) => {
      const status = `which is ${ownerStatus}; the caller had read ${statusSeen?.status ?? "nothing"}`;
      return `${by.state} called ${operation} for ${cluster.Name} of ${owner}, ${status}`;
    });
}
