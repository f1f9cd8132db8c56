import { MetricUnit } from "@aws-lambda-powertools/metrics";
import { SNSClient } from "@aws-sdk/client-sns";
import { z } from "zod";
import { type Environment, environment, readConfig } from "./shared/config.ts";
import { lambdaHandler, metrics } from "./shared/handler.ts";
import { failureMail, type Mail, successMail } from "./shared/mail.ts";
import { execution, type PartialState, partialState } from "./shared/schemas.ts";
import { sendMail } from "./shared/sns.ts";

export const notifyEvent = z.object({ state: partialState, execution });
export type NotifyEvent = z.output<typeof notifyEvent>;

const settings = environment.pick({ TOPIC_ARN: true });
export type NotifyConfig = Pick<Environment, keyof typeof settings.shape>;

/** What a run on a cluster was quoted, and what it cost where that is known. CloudWatch has no unit for dollars. */
const measureCost = ({ cluster, plan, cost }: PartialState): void => {
  if (!cluster) return;
  if (plan) metrics.addMetric("QuotedUsd", MetricUnit.NoUnit, plan.estimate.usd);
  if (cost) metrics.addMetric("CostUsd", MetricUnit.NoUnit, cost.actualUsd);
};

/** Tells the subscribers how the run went. */
export const notify = async (
  event: NotifyEvent,
  config: NotifyConfig,
  sns: SNSClient,
  now: Date = new Date(),
): Promise<Mail & { readonly messageId: string }> => {
  const mail = event.state.error
    ? failureMail(event.state, event.execution)
    : successMail(event.state, event.execution, now);
  const messageId = await sendMail(sns, config.TOPIC_ARN, mail);
  measureCost(event.state);
  return { messageId, ...mail };
};

const sns = new SNSClient({});

export const handler = lambdaHandler(notifyEvent, (event) => notify(event, readConfig(settings), sns));
