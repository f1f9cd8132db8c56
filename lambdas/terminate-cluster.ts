import {
  type Cluster,
  type EMRClient,
  SetTerminationProtectionCommand,
  TerminateJobFlowsCommand,
} from "@aws-sdk/client-emr";
import { z } from "zod";
import { createEmrClient, describeCluster, executionTag, findClusters, isGone, stateOf } from "./shared/emr.ts";
import { ClusterNotOurs } from "./shared/errors.ts";
import { lambdaHandler, logger } from "./shared/handler.ts";
import { execution, partialState, type Teardown } from "./shared/schemas.ts";

const fromStateMachine = z.object({ state: partialState, execution });

/** "Step Functions Execution Status Change": no Catch runs in an execution that was stopped or timed out. */
const fromEventBridge = z
  .object({
    detail: z.object({
      executionArn: z.string(),
      name: z.string(),
      status: z.enum(["FAILED", "TIMED_OUT", "ABORTED"]),
      /** Milliseconds since 1970. */
      startDate: z.number(),
    }),
  })
  .transform(({ detail }) => ({
    state: partialState.parse({}),
    execution: { id: detail.executionArn, name: detail.name, startTime: new Date(detail.startDate).toISOString() },
  }));

export const terminateClusterEvent = z.union([fromStateMachine, fromEventBridge]);
export type TerminateClusterEvent = z.output<typeof terminateClusterEvent>;

const terminate = async (emr: EMRClient, cluster: Cluster): Promise<string> => {
  const id = cluster.Id ?? "";
  if (isGone(stateOf(cluster)) || stateOf(cluster) === "TERMINATING") return stateOf(cluster);
  if (cluster.TerminationProtected) {
    await emr.send(new SetTerminationProtectionCommand({ JobFlowIds: [id], TerminationProtected: false }));
  }
  await emr.send(new TerminateJobFlowsCommand({ JobFlowIds: [id] }));
  return stateOf(await describeCluster(emr, id));
};

/**
 * Ends every cluster that the execution created. Repeatable: a cluster that is already gone is a success.
 *
 * @throws ClusterNotOurs after ours were ended, when the state names a cluster that bears another execution's tag
 */
export const terminateCluster = async (event: TerminateClusterEvent, emr: EMRClient): Promise<Teardown> => {
  const { ours, others, failures: notDescribed } = await findClusters(emr, event.execution, event.state);
  const states: Record<string, string> = {};
  const failures = [...notDescribed];
  for (const cluster of ours) {
    try {
      states[cluster.Id ?? ""] = await terminate(emr, cluster);
    } catch (error) {
      // The next cluster costs money too: end that one first, then report.
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];

  for (const cluster of others) {
    const owner = cluster.Tags?.find(({ Key }) => Key === executionTag)?.Value ?? "no execution";
    const notice = `Cluster ${cluster.Id} (${cluster.Name}) belongs to ${owner}, not to ${event.execution.id}; it was left alone`;
    // Of the same name only, it is somebody else's affair; named in our state, something is wrong.
    if (cluster.Id === event.state.cluster?.id) {
      throw new ClusterNotOurs(
        `${notice}. End it by hand if it is yours: aws emr terminate-clusters --cluster-ids ${cluster.Id}`,
      );
    }
    logger.warn(notice);
  }
  return { clusterIds: Object.keys(states), states };
};

const emr = createEmrClient();

export const handler = lambdaHandler(terminateClusterEvent, (event) => terminateCluster(event, emr));
