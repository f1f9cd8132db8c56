import { epochSeconds } from "../support/aws-error.ts";
import { enteredState } from "./execution-history.ts";
import type { Execution } from "./execution-record.ts";
import { runnable } from "./runnable.ts";

/** The time after its end in which an execution can be redriven. API reference, RedriveExecution. */
const redrivePeriodSeconds = 14 * 24 * 3600;
/** An execution with at least this many events cannot be redriven. API reference, RedriveExecution. */
const maxRedriveEvents = 24_999;
/** The time in which a repeated client token gets the same answer. API reference, RedriveExecution. */
const clientTokenSeconds = 15 * 60;

/** The state at which a redrive resumes. */
export interface ResumePoint {
  /** Undefined when the execution ended before it entered a state. */
  readonly state: string | undefined;
  /** The state's input as JSON. */
  readonly input: string;
  readonly isTask: boolean;
}

/** Returns the reason why an execution cannot be redriven, or undefined when it can. */
export function redriveObstacle({ status, stopDate = 0, events }: Execution): string | undefined {
  if (status === "RUNNING" || status === "SUCCEEDED") {
    return `Execution is ${status} and cannot be redriven`;
  }
  if (epochSeconds() - stopDate > redrivePeriodSeconds) {
    return "Execution ended more than 14 days ago and cannot be redriven";
  }
  return events.length < maxRedriveEvents ? undefined : `Execution has ${events.length} events and cannot be redriven`;
}

/** Returns redriveStatus and redriveStatusReason, as DescribeExecution and the status-change events have them. */
export function redriveStatus(execution: Execution) {
  const redriveStatusReason = redriveObstacle(execution);
  return redriveStatusReason === undefined
    ? { redriveStatus: "REDRIVABLE" }
    : { redriveStatus: "NOT_REDRIVABLE", redriveStatusReason };
}

/** Tells whether a request repeats the last redrive, which it then does not do again. */
export function isRepeatedRedrive({ redriveDate, redriveToken }: Execution, clientToken: string | undefined): boolean {
  return (
    redriveDate !== undefined &&
    clientToken !== undefined &&
    clientToken === redriveToken &&
    epochSeconds() - redriveDate < clientTokenSeconds
  );
}

/** Finds the last top-level state that the execution entered. A Map or a Parallel starts over. */
export function resumePoint({ definition, events, input }: Execution): ResumePoint {
  const { States: states } = runnable(definition);
  const entered = events.map(enteredState).findLast((state) => state !== undefined && state.name in states);
  if (entered === undefined) {
    return { state: undefined, input, isTask: false };
  }
  return { state: entered.name, input: entered.input, isTask: states[entered.name]?.Type === "Task" };
}
