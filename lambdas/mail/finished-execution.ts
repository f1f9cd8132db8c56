import { MetricUnit } from "@aws-lambda-powertools/metrics";
import type { S3Client } from "@aws-sdk/client-s3";
import type { SNSClient } from "@aws-sdk/client-sns";
import type { Execution } from "../contract/execution.ts";
import type { PartialState } from "../contract/state-data.ts";
import type { Environment } from "../runtime/environment.ts";
import { metrics } from "../runtime/handler.ts";
import { failureMail } from "./failure.ts";
import { signReportLink } from "./report-link.ts";
import { sendMail } from "./sending.ts";
import { successMail } from "./success.ts";

/** Records the quote and, if it is known, the actual cost of a run with a cluster. CloudWatch has no unit for dollars. */
function recordCostMetrics({ cluster, plan, cost }: PartialState): void {
  if (!cluster) return;
  if (plan) metrics.addMetric("QuotedUsd", MetricUnit.NoUnit, plan.estimate.usd);
  if (cost) metrics.addMetric("CostUsd", MetricUnit.NoUnit, cost.actualUsd);
}

/** A mail without its text, because the link in it must not get into the execution's history or the logs. */
export interface SentMail {
  readonly messageId: string;
  readonly subject: string;
}

/** Sends the mail about a run that reached one of the notification states. */
export async function notifyFinished(
  { state, execution }: { readonly state: PartialState; readonly execution: Execution },
  config: Pick<Environment, "TOPIC_ARN">,
  { sns, s3 }: { readonly sns: SNSClient; readonly s3: S3Client },
  now: Date = new Date(),
): Promise<SentMail> {
  const mail = state.error
    ? failureMail(state, execution)
    : successMail(state, execution, now, await signReportLink(state, execution.id, s3));
  const messageId = await sendMail(sns, config.TOPIC_ARN, mail);
  recordCostMetrics(state);
  return { messageId, subject: mail.subject };
}
