import type { Cluster, EMRClient } from "@aws-sdk/client-emr";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { z } from "zod";
import { createEmrClient, describeClusters, endCluster, type FoundClusters, findClusters, tagOf } from "./aws/emr.ts";
import { createSfnClient, getExecutionState, hasFailed } from "./aws/executions.ts";
import { clusterIdIn, leaveBorrowed } from "./aws/steps.ts";
import { executionSchema } from "./contract/execution.ts";
import type { Teardown } from "./contract/failure.ts";
import { partialStateSchema } from "./contract/state-data.ts";
import { executionTag } from "./contract/tags.ts";
import { ClusterNotOurs } from "./runtime/errors.ts";
import { lambdaHandler, logger } from "./runtime/handler.ts";

const fromStateMachine = z.object({ state: partialStateSchema, execution: executionSchema }).transform((event) => ({
  ...event,
  borrowedId: event.state.plan?.borrowed?.clusterId,
  isStatusChange: false,
  endedAt: undefined,
}));

/** "Step Functions Execution Status Change": no Catch runs in an execution that was stopped or timed out. */
const fromEventBridge = z
  .object({
    detail: z.object({
      executionArn: z.string(),
      name: z.string(),
      status: z.enum(["FAILED", "TIMED_OUT", "ABORTED"]),
      /** Milliseconds since 1970. */
      startDate: z.number(),
      stopDate: z.number().nullish(),
      /** The execution's own, as JSON. */
      input: z.string().nullish(),
    }),
  })
  .transform(({ detail }) => ({
    state: partialStateSchema.parse({}),
    execution: { id: detail.executionArn, name: detail.name, startTime: new Date(detail.startDate).toISOString() },
    borrowedId: clusterIdIn(detail.input),
    isStatusChange: true,
    endedAt: detail.stopDate ? new Date(detail.stopDate) : undefined,
  }));

export const terminateClusterEventSchema = z.union([fromStateMachine, fromEventBridge]);
export type TerminateClusterEvent = z.output<typeof terminateClusterEventSchema>;

export interface TerminateClients {
  readonly emr: EMRClient;
  readonly sfn: SFNClient;
}

/**
 * Ends every cluster that the execution created. Repeatable: a cluster that is already gone is a success. One that the
 * execution borrowed goes on for the next, without the steps that this one has there.
 *
 * A status change is old news when it arrives: it may be late, or doubled, and the execution redriven since. So Step
 * Functions is asked first, and only a failed execution's clusters are ended. Without an answer nothing is touched, and
 * what was thrown makes Lambda ask again. Clusters of a success, kept or not, are the sweep's.
 *
 * @throws ClusterNotOurs after ours were ended, when the state names a cluster that bears another execution's tag
 */
export async function terminateCluster(
  event: TerminateClusterEvent,
  { emr, sfn }: TerminateClients,
): Promise<Teardown> {
  if (event.isStatusChange) {
    const standing = await getExecutionState(sfn, event.execution.id, event.endedAt);
    if (standing === "DOES_NOT_EXIST") throw new Error(`Step Functions does not know ${event.execution.id} (yet)`);
    if (!hasFailed(standing)) {
      logger.warn(`${event.execution.id} is ${standing} now; its clusters were left alone`);
      return { clusterIds: [], states: {} };
    }
  }
  const { execution, borrowedId } = event;
  const state = event.state.cluster?.id === borrowedId ? {} : event.state;
  const states: Record<string, string> = {};
  const others: Cluster[] = [];
  const failures: unknown[] = [];
  const endOurs = async (found: FoundClusters): Promise<void> => {
    others.push(...found.others);
    failures.push(...found.failures);
    for (const cluster of found.ours) {
      try {
        states[cluster.Id ?? ""] = await endCluster(emr, cluster);
      } catch (error) {
        // The next cluster costs money too: end that one first, then report.
        failures.push(error);
      }
    }
  };
  // First the one that is known: a list that EMR never answers with would take all of the time that there is.
  await endOurs(await describeClusters(emr, execution, state.cluster ? [state.cluster.id] : []));
  await endOurs(await findClusters(emr, execution, {}));
  const clusterIds = Object.keys(states);
  if (borrowedId !== undefined) {
    try {
      const left = await leaveBorrowed(emr, borrowedId, execution.name);
      if (left !== undefined) states[borrowedId] = left;
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];

  for (const cluster of others) {
    const owner = tagOf(cluster, executionTag) ?? "no execution";
    const notice = `Cluster ${cluster.Id} (${cluster.Name}) belongs to ${owner}, not to ${execution.id}; it was left alone`;
    // Of the same name only, it is somebody else's affair; named in our state, something is wrong.
    if (cluster.Id === state.cluster?.id) {
      throw new ClusterNotOurs(
        `${notice}. End it by hand if it is yours: aws emr terminate-clusters --cluster-ids ${cluster.Id}`,
      );
    }
    logger.warn(notice);
  }
  return { clusterIds, states };
}

const clients: TerminateClients = { emr: createEmrClient(), sfn: createSfnClient() };

export const handler = lambdaHandler(terminateClusterEventSchema, (event) => terminateCluster(event, clients));
