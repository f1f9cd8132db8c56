import {
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  type ExecutionStatus,
  SFNClient,
} from "@aws-sdk/client-sfn";
import { isNamed } from "./errors.ts";

export function createSfnClient(): SFNClient {
  return new SFNClient({ maxAttempts: 5 });
}

/** Step Functions' own statuses, and that it knows no such execution: gone, or so new that not all of it knows yet. */
export type ExecutionState = ExecutionStatus | "DOES_NOT_EXIST";

/**
 * DescribeExecution's answers may lag behind (API reference: eventually consistent). RUNNING, of an execution whose end
 * was told and that was not redriven since, is such an answer.
 *
 * @param endedAt when it ended by its status change; undefined: that does not say
 * @throws Error that makes who asked ask again
 */
export function requireFreshAnswer({ status, redriveDate }: DescribeExecutionOutput, endedAt: Date | undefined): void {
  if (status !== "RUNNING" || !endedAt || (redriveDate && redriveDate > endedAt)) return;
  throw new Error(`DescribeExecution answers RUNNING of what ended at ${endedAt.toISOString()}: not up to date (yet)`);
}

/**
 * Asks Step Functions how an execution stands. Only an answer is knowledge: whatever else is thrown (denied, throttled,
 * no connection) means that nobody knows, and then its clusters are left alone.
 *
 * @param endedAt as refuseOldAnswer takes it
 */
export async function getExecutionState(sfn: SFNClient, executionArn: string, endedAt?: Date): Promise<ExecutionState> {
  try {
    const described = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    requireFreshAnswer(described, endedAt);
    const { status } = described;
    if (status === undefined) throw new Error(`DescribeExecution of ${executionArn} answered without a status`);
    return status;
  } catch (error) {
    if (isNamed(error, "ExecutionDoesNotExist")) return "DOES_NOT_EXIST";
    throw error;
  }
}

/** No Catch ran, or the last one did. A redriven execution is RUNNING again. */
export function hasFailed(standing: ExecutionState): boolean {
  return standing === "FAILED" || standing === "TIMED_OUT" || standing === "ABORTED";
}
