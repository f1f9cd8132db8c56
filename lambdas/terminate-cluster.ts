import { z } from "zod";
import { createEmrClient } from "./aws/emr.ts";
import { createSfnClient } from "./aws/executions.ts";
import { clusterIdIn } from "./aws/steps.ts";
import { executionSchema } from "./contract/execution.ts";
import { partialStateSchema } from "./contract/state-data.ts";
import { lambdaHandler } from "./runtime/handler.ts";
import { type TerminateClients, terminateCluster } from "./teardown/terminate-created-clusters.ts";

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
      /** The execution input as JSON text. */
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

const clients: TerminateClients = { emr: createEmrClient(), sfn: createSfnClient() };

export const handler = lambdaHandler(terminateClusterEventSchema, (event) => terminateCluster(event, clients));
