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

/**
 * Step Functions' statuses, and DOES_NOT_EXIST. The latter means that the execution or its state machine was deleted, or that
 * the execution is not yet visible everywhere.
 */
export type ExecutionState = ExecutionStatus | "DOES_NOT_EXIST";

/**
 * Rejects a stale answer: DescribeExecution is eventually consistent and may still say RUNNING after the event about the
 * execution's end has arrived. A redriven execution really runs again.
 *
 * @param endedAt end of the execution according to the event, if it has one
 * @throws Error so that Lambda retries the invocation
 */
export function requireFreshAnswer({ status, redriveDate }: DescribeExecutionOutput, endedAt: Date | undefined): void {
  if (status !== "RUNNING" || !endedAt || (redriveDate && redriveDate > endedAt)) return;
  throw new Error(`DescribeExecution still says RUNNING, but the execution ended at ${endedAt.toISOString()}`);
}

/**
 * Gets the state of an execution.
 *
 * @param endedAt end of the execution according to an event; see requireFreshAnswer
 * @throws the SDK's error (access denied, throttling, no connection): the state is then unknown, and callers must leave
 *   the execution's clusters alone
 */
export async function getExecutionState(sfn: SFNClient, executionArn: string, endedAt?: Date): Promise<ExecutionState> {
  try {
    const described = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    requireFreshAnswer(described, endedAt);
    const { status } = described;
    if (status === undefined) throw new Error(`DescribeExecution of ${executionArn} returned no status`);
    return status;
  } catch (error) {
    if (isNamed(error, "ExecutionDoesNotExist", "StateMachineDoesNotExist")) return "DOES_NOT_EXIST";
    throw error;
  }
}

/** Whether the execution ended without success. A redriven execution is RUNNING again. */
export function hasFailed(state: ExecutionState): boolean {
  return state === "FAILED" || state === "TIMED_OUT" || state === "ABORTED";
}
