import type { EMRClient } from "@aws-sdk/client-emr";
import { DescribeExecutionCommand, type SFNClient } from "@aws-sdk/client-sfn";
import { SNSClient } from "@aws-sdk/client-sns";
import { z } from "zod";
import { createEmrClient, findClusters } from "./aws/emr.ts";
import { createSfnClient, requireFreshAnswer } from "./aws/executions.ts";
import { type Mail, stoppedMail } from "./mail/mail.ts";
import { sendMail } from "./mail/send.ts";
import type { NotifyConfig } from "./notify.ts";
import { environmentSchema, readEnvironment } from "./runtime/environment.ts";
import { lambdaHandler, logger } from "./runtime/handler.ts";

/** "Step Functions Execution Status Change", which says whom to ask about and is trusted with nothing else. */
export const notifyStoppedEventSchema = z
  .object({ detail: z.object({ executionArn: z.string(), name: z.string(), stopDate: z.number().nullish() }) })
  .transform(({ detail: { executionArn: id, name, stopDate } }) => ({
    execution: { id, name },
    /** stopDate is in milliseconds since 1970. */
    endedAt: stopDate ? new Date(stopDate) : undefined,
  }));
export type NotifyStoppedEvent = z.output<typeof notifyStoppedEventSchema>;

export interface NotifyStoppedClients {
  readonly emr: EMRClient;
  readonly sfn: SFNClient;
  readonly sns: SNSClient;
}

/** Step Functions catches these two in no state, so that no NotifyFailure has run. */
const uncatchable = ["States.DataLimitExceeded", "States.Runtime"];

/**
 * Tells the subscribers of an execution that ended without its own last states: stopped, out of time, or failed beyond
 * any Catch. EventBridge delivers at least once, so on a rare day the mail comes twice.
 */
export async function notifyStopped(
  { execution: { id: executionArn, name }, endedAt }: NotifyStoppedEvent,
  config: NotifyConfig,
  { emr, sfn, sns }: NotifyStoppedClients,
): Promise<Partial<Mail>> {
  const described = await sfn.send(new DescribeExecutionCommand({ executionArn }));
  requireFreshAnswer(described, endedAt);
  const { status, error = "", cause = "", startDate = new Date(0), input = "{}" } = described;
  const isBeyondCatch = status === "FAILED" && uncatchable.includes(error);
  if (status !== "ABORTED" && status !== "TIMED_OUT" && !isBeyondCatch) {
    logger.info(`${executionArn} is ${status}; its own states tell of that`);
    return {};
  }
  const execution = { id: executionArn, name, startTime: startDate.toISOString() };
  const found = await findClusters(emr, execution, {}, "any");
  const mail = stoppedMail({ status, error, cause, name, input, executionArn }, found);
  await sendMail(sns, config.TOPIC_ARN, mail);
  return mail;
}

const settings = environmentSchema.pick({ TOPIC_ARN: true });
const clients: NotifyStoppedClients = { emr: createEmrClient(), sfn: createSfnClient(), sns: new SNSClient({}) };

export const handler = lambdaHandler(notifyStoppedEventSchema, (event) =>
  notifyStopped(event, readEnvironment(settings), clients),
);
