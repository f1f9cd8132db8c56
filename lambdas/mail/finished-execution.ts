import { MetricUnit } from "@aws-lambda-powertools/metrics";
import type { SNSClient } from "@aws-sdk/client-sns";
import type { Execution } from "../contract/execution.ts";
import type { PartialState } from "../contract/state-data.ts";
import type { Environment } from "../runtime/environment.ts";
import { metrics } from "../runtime/handler.ts";
import { failureMail } from "./failure.ts";
import { type Mail, sendMail } from "./sending.ts";
import { successMail } from "./success.ts";

/** Records the quote and, if it is known, the actual cost of a run with a cluster. CloudWatch has no unit for dollars. */
function recordCostMetrics({ cluster, plan, cost }: PartialState): void {
  if (!cluster) return;
  if (plan) metrics.addMetric("QuotedUsd", MetricUnit.NoUnit, plan.estimate.usd);
  if (cost) metrics.addMetric("CostUsd", MetricUnit.NoUnit, cost.actualUsd);
}

/** Sends the mail about a run that reached one of the notification states. */
export async function notifyFinished(
  { state, execution }: { readonly state: PartialState; readonly execution: Execution },
  config: Pick<Environment, "TOPIC_ARN">,
  sns: SNSClient,
  now: Date = new Date(),
): Promise<Mail & { readonly messageId: string }> {
  const mail = state.error ? failureMail(state, execution) : successMail(state, execution, now);
  const messageId = await sendMail(sns, config.TOPIC_ARN, mail);
  recordCostMetrics(state);
  return { messageId, ...mail };
}
