import type { Cluster, EMRClient } from "@aws-sdk/client-emr";
import { describeCluster, findClusters } from "../aws/emr.ts";
import type { Execution } from "../contract/execution.ts";
import type { PartialState } from "../contract/state-data.ts";

/**
 * Finds the cluster that the run used: by the id in the state data or in the error's cause, otherwise by name and tag,
 * even if it is gone.
 */
export async function findFailedCluster(
  state: PartialState,
  execution: Execution,
  emr: EMRClient,
): Promise<Cluster | undefined> {
  if (!state.plan || state.scripts === undefined) return undefined;
  const quotedId = /\bj-[A-Z0-9]{1,30}\b/.exec(state.error?.Cause ?? "")?.[0];
  const id = state.cluster?.id ?? quotedId ?? state.teardown?.clusterIds[0];
  if (id !== undefined) return describeCluster(emr, id);
  const { ours, failures } = await findClusters(emr, execution, state, "any");
  if (!ours[0] && failures.length > 0) throw failures[0];
  return ours[0];
}
