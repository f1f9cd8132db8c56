import { DescribeExecutionCommand, type ExecutionStatus, SFNClient } from "@aws-sdk/client-sfn";
import { isNamed } from "./errors.ts";

export const createSfnClient = (): SFNClient => new SFNClient({ maxAttempts: 5 });

/** Step Functions' own statuses, and that it knows no such execution: gone, or so new that not all of it knows yet. */
export type Standing = ExecutionStatus | "DOES_NOT_EXIST";

/**
 * Asks Step Functions how an execution stands. Only an answer is knowledge: whatever else is thrown (denied, throttled,
 * no connection) means that nobody knows, and then its clusters are left alone.
 */
export const standingOf = async (sfn: SFNClient, executionArn: string): Promise<Standing> => {
  try {
    const { status } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (status === undefined) throw new Error(`DescribeExecution of ${executionArn} answered without a status`);
    return status;
  } catch (error) {
    if (isNamed(error, "ExecutionDoesNotExist")) return "DOES_NOT_EXIST";
    throw error;
  }
};

/** No Catch ran, or the last one did. A redriven execution is RUNNING again. */
export const hasFailed = (standing: Standing): boolean =>
  standing === "FAILED" || standing === "TIMED_OUT" || standing === "ABORTED";
