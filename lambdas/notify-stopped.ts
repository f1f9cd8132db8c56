import { SNSClient } from "@aws-sdk/client-sns";
import { z } from "zod";
import { createEmrClient } from "./aws/emr.ts";
import { createSfnClient } from "./aws/executions.ts";
import { type NotifyStoppedClients, notifyStopped } from "./mail/stopped-execution.ts";
import { environmentSchema, readEnvironment } from "./runtime/environment.ts";
import { lambdaHandler } from "./runtime/handler.ts";

/** "Step Functions Execution Status Change". The event may be late, so everything else comes from DescribeExecution. */
export const notifyStoppedEventSchema = z
  .object({ detail: z.object({ executionArn: z.string(), name: z.string(), stopDate: z.number().nullish() }) })
  .transform(({ detail: { executionArn: id, name, stopDate } }) => ({
    execution: { id, name },
    /** stopDate is in milliseconds since 1970. */
    endedAt: stopDate ? new Date(stopDate) : undefined,
  }));

const settings = environmentSchema.pick({ TOPIC_ARN: true });
const clients: NotifyStoppedClients = { emr: createEmrClient(), sfn: createSfnClient(), sns: new SNSClient({}) };

export const handler = lambdaHandler(notifyStoppedEventSchema, (event) =>
  notifyStopped(event, readEnvironment(settings), clients),
);
