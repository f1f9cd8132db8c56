import { MetricUnit } from "@aws-lambda-powertools/metrics";
import { SNSClient } from "@aws-sdk/client-sns";
import { z } from "zod";
import { executionSchema } from "./contract/execution.ts";
import { type PartialState, partialStateSchema } from "./contract/state-data.ts";
import { failureMail, type Mail, successMail } from "./mail/mail.ts";
import { sendMail } from "./mail/send.ts";
import { type Environment, environmentSchema, readEnvironment } from "./runtime/environment.ts";
import { lambdaHandler, metrics } from "./runtime/handler.ts";

export const notifyEventSchema = z.object({ state: partialStateSchema, execution: executionSchema });
export type NotifyEvent = z.output<typeof notifyEventSchema>;

const settings = environmentSchema.pick({ TOPIC_ARN: true });
export type NotifyConfig = Pick<Environment, keyof typeof settings.shape>;

/** What a run on a cluster was quoted, and what it cost where that is known. CloudWatch has no unit for dollars. */
function measureCost({ cluster, plan, cost }: PartialState): void {
  if (!cluster) return;
  if (plan) metrics.addMetric("QuotedUsd", MetricUnit.NoUnit, plan.estimate.usd);
  if (cost) metrics.addMetric("CostUsd", MetricUnit.NoUnit, cost.actualUsd);
}

/** Tells the subscribers how the run went. */
export async function notify(
  event: NotifyEvent,
  config: NotifyConfig,
  sns: SNSClient,
  now: Date = new Date(),
): Promise<Mail & { readonly messageId: string }> {
  const mail = event.state.error
    ? failureMail(event.state, event.execution)
    : successMail(event.state, event.execution, now);
  const messageId = await sendMail(sns, config.TOPIC_ARN, mail);
  measureCost(event.state);
  return { messageId, ...mail };
}

const sns = new SNSClient({});

export const handler = lambdaHandler(notifyEventSchema, (event) => notify(event, readEnvironment(settings), sns));
