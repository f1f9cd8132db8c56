import type { EMRClient } from "@aws-sdk/client-emr";
import { DescribeExecutionCommand, type SFNClient } from "@aws-sdk/client-sfn";
import type { SNSClient } from "@aws-sdk/client-sns";
import { findClusters } from "../aws/emr.ts";
import { requireFreshAnswer } from "../aws/executions.ts";
import type { Execution } from "../contract/execution.ts";
import type { Environment } from "../runtime/environment.ts";
import { logger } from "../runtime/handler.ts";
import { type Mail, sendMail } from "./sending.ts";
import { stoppedMail } from "./stopped.ts";

/** The end of an execution, as EventBridge reports it. */
export interface ExecutionEnd {
  readonly execution: Pick<Execution, "id" | "name">;
  readonly endedAt: Date | undefined;
}

export interface NotifyStoppedClients {
  readonly emr: EMRClient;
  readonly sfn: SFNClient;
  readonly sns: SNSClient;
}

/** Errors that no Catch handles, so that NotifyFailure has not run. */
const uncatchableErrors = ["States.DataLimitExceeded", "States.Runtime"];

/**
 * Sends the mail about an execution that was stopped, timed out or failed with an error that no Catch handles. Does
 * nothing for other executions, because their own states notify. EventBridge may deliver an event twice, and then there are
 * two mails.
 */
export async function notifyStopped(
  { execution: { id: executionArn, name }, endedAt }: ExecutionEnd,
  config: Pick<Environment, "TOPIC_ARN">,
  { emr, sfn, sns }: NotifyStoppedClients,
): Promise<Partial<Mail>> {
  const described = await sfn.send(new DescribeExecutionCommand({ executionArn }));
  requireFreshAnswer(described, endedAt);
  const { status, error = "", cause = "", startDate = new Date(0), input = "{}" } = described;
  const isUncaught = status === "FAILED" && uncatchableErrors.includes(error);
  if (status !== "ABORTED" && status !== "TIMED_OUT" && !isUncaught) {
    logger.info(`${executionArn} is ${status}, and its own states notify`);
    return {};
  }
  const execution = { id: executionArn, name, startTime: startDate.toISOString() };
  const clusters = await findClusters(emr, execution, {}, "any");
  const mail = stoppedMail({ status, error, cause, name, input, executionArn }, clusters);
  await sendMail(sns, config.TOPIC_ARN, mail);
  return mail;
}
