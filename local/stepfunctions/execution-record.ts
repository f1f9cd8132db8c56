import type { JsonObject } from "../support/aws-error.ts";

export type ExecutionStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

/** An event of GetExecutionHistory; the timestamp is in seconds since the epoch. */
export interface HistoryEvent extends JsonObject {
  readonly timestamp: number;
  readonly type: string;
  readonly id: number;
  readonly previousEventId: number;
}

/** An execution as its JSON file stores it. */
export interface Execution {
  readonly executionArn: string;
  readonly stateMachineArn: string;
  readonly stateMachineName: string;
  readonly name: string;
  readonly startDate: number;
  readonly input: string;
  readonly roleArn: string;
  /** The state machine's definition when the execution started. */
  readonly definition: string;
  status: ExecutionStatus;
  stopDate?: number;
  output?: string;
  error?: string | undefined;
  cause?: string | undefined;
  redriveCount: number;
  redriveDate?: number;
  /** The client token of the last redrive. */
  redriveToken?: string | undefined;
  readonly events: HistoryEvent[];
}
