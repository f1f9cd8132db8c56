import type { Cluster, EMRClient } from "@aws-sdk/client-emr";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { describeClusters, endCluster, type FoundClusters, findClusters, tagOf } from "../aws/emr.ts";
import { getExecutionState, hasFailed } from "../aws/executions.ts";
import type { Execution } from "../contract/execution.ts";
import type { Teardown } from "../contract/failure.ts";
import type { PartialState } from "../contract/state-data.ts";
import { executionTag } from "../contract/tags.ts";
import { ClusterNotOurs } from "../runtime/errors.ts";
import { logger } from "../runtime/handler.ts";
import { leaveReusedCluster } from "./leave-reused-cluster.ts";

export interface TerminateClients {
  readonly emr: EMRClient;
  readonly sfn: SFNClient;
}

export interface TerminateRequest {
  readonly execution: Execution;
  readonly state: Pick<PartialState, "cluster">;
  /** The kept cluster that the execution reused. */
  readonly borrowedId: string | undefined;
  /** True for EventBridge's status change, false for the state machine's own failure path. */
  readonly isStatusChange: boolean;
  /** End of the execution according to the status change. */
  readonly endedAt: Date | undefined;
}

/** Whether Step Functions confirms that the execution of a status change has failed. */
async function isFailureConfirmed({ execution, endedAt }: TerminateRequest, sfn: SFNClient): Promise<boolean> {
  const executionState = await getExecutionState(sfn, execution.id, endedAt);
  if (executionState === "DOES_NOT_EXIST") throw new Error(`Step Functions does not know ${execution.id} (yet)`);
  if (hasFailed(executionState)) return true;
  logger.warn(`${execution.id} is ${executionState} now; its clusters were left alone`);
  return false;
}

/**
 * Reports clusters that belong to another execution and were left alone.
 *
 * @throws ClusterNotOurs if one of them is the cluster in the state data; a cluster that only has the same name is fine
 */
function reportOthers(others: readonly Cluster[], execution: Execution, clusterId: string | undefined): void {
  for (const cluster of others) {
    const owner = tagOf(cluster, executionTag) ?? "no execution";
    const notice = `Cluster ${cluster.Id} (${cluster.Name}) belongs to ${owner}, not to ${execution.id}; it was left alone`;
    if (cluster.Id === clusterId) {
      throw new ClusterNotOurs(
        `${notice}. If it is yours, terminate it by hand: aws emr terminate-clusters --cluster-ids ${cluster.Id}`,
      );
    }
    logger.warn(notice);
  }
}

/**
 * Terminates every cluster that the execution created, and cancels its steps on a reused cluster. Safe to repeat:
 * clusters that are already gone count as success.
 *
 * A status change may arrive late, twice, or before a redrive. It therefore terminates clusters only if Step Functions
 * confirms the failure; clusters of a success are left to the sweep.
 *
 * @throws ClusterNotOurs, after everything else is done, if the cluster in the state data belongs to another execution
 * @throws the first error of EMR or Step Functions, so that the invocation is retried
 */
export async function terminateCluster(request: TerminateRequest, { emr, sfn }: TerminateClients): Promise<Teardown> {
  if (request.isStatusChange && !(await isFailureConfirmed(request, sfn))) return { clusterIds: [], states: {} };
  const { execution, borrowedId } = request;
  const knownId = request.state.cluster?.id === borrowedId ? undefined : request.state.cluster?.id;
  const states: Record<string, string> = {};
  const others: Cluster[] = [];
  const failures: unknown[] = [];
  const terminateAll = async (found: FoundClusters): Promise<void> => {
    others.push(...found.others);
    failures.push(...found.failures);
    for (const cluster of found.ours) {
      try {
        states[cluster.Id ?? ""] = await endCluster(emr, cluster);
      } catch (error) {
        // The next cluster costs money too: terminate it before reporting the error.
        failures.push(error);
      }
    }
  };
  // The known cluster comes first, because listing clusters may take until the function times out.
  await terminateAll(await describeClusters(emr, execution, knownId === undefined ? [] : [knownId]));
  await terminateAll(await findClusters(emr, execution, {}));
  const clusterIds = Object.keys(states);
  if (borrowedId !== undefined) {
    try {
      const reusedState = await leaveReusedCluster(emr, borrowedId, execution.name);
      if (reusedState !== undefined) states[borrowedId] = reusedState;
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  reportOthers(others, execution, knownId);
  return { clusterIds, states };
}
