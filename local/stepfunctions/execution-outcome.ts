import { ExecutionAbortedError, ExecutionError, ExecutionTimeoutError } from "aws-local-stepfunctions";
import { epochSeconds } from "../support/aws-error.ts";
import { addEvent } from "./execution-history.ts";
import type { Execution, ExecutionStatus } from "./execution-record.ts";

/** How an execution ended. */
export interface Outcome {
  readonly status: Exclude<ExecutionStatus, "RUNNING">;
  readonly output?: string;
  readonly error?: string | undefined;
  readonly cause?: string | undefined;
}

/** The longest cause in characters. API reference, DescribeExecution. */
const maxCauseLength = 32_768;

const eventNames = {
  SUCCEEDED: "Succeeded",
  FAILED: "Failed",
  TIMED_OUT: "TimedOut",
  ABORTED: "Aborted",
} as const;

/** The outcome of executions that run when the account stops. */
export const accountStopped: Outcome = {
  status: "ABORTED",
  error: "EmbeddedAccount.Stopped",
  cause: "The embedded account stopped while this execution ran.",
};

/** Translates the interpreter's error into the outcome of the execution. */
export function failureOutcome(error: unknown): Outcome {
  if (error instanceof ExecutionAbortedError) {
    return { status: "ABORTED" };
  }
  if (error instanceof ExecutionTimeoutError) {
    return { status: "TIMED_OUT", error: "States.Timeout" };
  }
  const cause = error instanceof ExecutionError ? error.cause : error;
  if (!(cause instanceof Error)) {
    return { status: "FAILED", error: "States.Runtime", cause: String(cause) };
  }
  // The library's name for the error of a Fail state without Error; on AWS it has none.
  const isUnnamed = cause.name === "FailStateError";
  return { status: "FAILED", error: isUnnamed ? undefined : cause.name, cause: cause.message };
}

/** Records the end of an execution in its record and its history. */
export function endExecution(execution: Execution, { status, output, error, cause: fullCause }: Outcome): void {
  execution.status = status;
  execution.stopDate = epochSeconds();
  const cause = fullCause?.slice(0, maxCauseLength);
  if (output === undefined) {
    Object.assign(execution, { error, cause });
  } else {
    execution.output = output;
  }
  addEvent(execution, `Execution${eventNames[status]}`, {
    [`execution${eventNames[status]}EventDetails`]:
      output === undefined ? { error, cause } : { output, outputDetails: { truncated: false } },
  });
}
