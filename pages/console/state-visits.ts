import type { ExecutionStatus, HistoryEvent } from "./console-data.ts";

/** Names the status that a state's colour stands for, in the words of the AWS console. */
export type StateStatus =
  | "In progress"
  | "Succeeded"
  | "Caught error"
  | "Failed"
  | "Canceled"
  | "Skipped"
  | "Not started";

/** One visit of an execution to a state. */
export interface Visit {
  readonly state: string;
  status: StateStatus;
  /** Seconds since the epoch. */
  readonly enteredAt: number;
  leftAt?: number | undefined;
  /** Number of further attempts after a failure. */
  retries: number;
  error?: string | undefined;
  cause?: string | undefined;
  /** Ids of the events at which it begins and ends. */
  readonly firstEvent: number;
  lastEvent?: number | undefined;
}

interface Details {
  readonly name?: string;
  readonly error?: string;
  readonly cause?: string;
  readonly resource?: string;
}

const attemptStart = /^(Task|LambdaFunction|Activity)Scheduled$/;
const attemptFailure = /^(Task|LambdaFunction|Activity)\w*(Failed|TimedOut)$/;
const executionEnds: Readonly<Record<string, StateStatus>> = {
  ExecutionSucceeded: "Succeeded",
  ExecutionFailed: "Failed",
  ExecutionTimedOut: "Failed",
  ExecutionAborted: "Canceled",
};

/** Returns an event's details, whose member is named after the event's type. */
export function detailsOf({
  id: _,
  type: __,
  timestamp: ___,
  previousEventId: ____,
  ...details
}: HistoryEvent): Details {
  const [found] = Object.values(details);
  return typeof found === "object" && found !== null ? found : {};
}

/** Returns the name of a function by its ARN, which a version or an alias may follow. */
export function functionIn(resource: string | undefined): string | undefined {
  return /^arn:[^:]+:lambda:[^:]*:[^:]*:function:([^:]+)/.exec(resource ?? "")?.[1];
}

/** Returns the visits to all states in the order of entering. */
export function listVisits(events: readonly HistoryEvent[]): readonly Readonly<Visit>[] {
  const visits: Visit[] = [];
  for (const event of events) {
    const { type, timestamp, id } = event;
    const { name = "", error, cause } = detailsOf(event);
    const current = visits.at(-1);
    if (type.endsWith("StateEntered")) {
      if (current) leave(current, timestamp, id - 1);
      visits.push({ state: name, status: "In progress", enteredAt: timestamp, retries: 0, firstEvent: id });
    } else if (current === undefined) {
      // The execution has not entered a state yet.
    } else if (attemptStart.test(type)) {
      startAttempt(current);
    } else if (attemptFailure.test(type)) {
      Object.assign(current, { error: error ?? type, cause });
    } else if (type.endsWith("StateExited")) {
      leave(visits.findLast(({ state, leftAt }) => state === name && leftAt === undefined) ?? current, timestamp, id);
    } else if (executionEnds[type] !== undefined && current.leftAt === undefined) {
      Object.assign(current, { status: executionEnds[type], leftAt: timestamp, lastEvent: id });
      if (type !== "ExecutionSucceeded")
        Object.assign(current, { error: current.error ?? error, cause: current.cause ?? cause });
    }
  }
  return visits;
}

/** Ends a visit that is still open. A state that is left after an error has caught it. */
function leave(visit: Visit, leftAt: number, lastEvent: number): void {
  if (visit.leftAt !== undefined) return;
  Object.assign(visit, { status: visit.error === undefined ? "Succeeded" : "Caught error", leftAt, lastEvent });
}

/** Counts a further attempt of a visit. A redrive schedules the Task again without entering its state again. */
function startAttempt(visit: Visit): void {
  const isFurther = visit.error !== undefined || visit.leftAt !== undefined;
  if (!isFurther) return;
  const again = { status: "In progress", retries: visit.retries + 1 } as const;
  Object.assign(visit, again, { error: undefined, cause: undefined, leftAt: undefined, lastEvent: undefined });
}

/** Returns the status of every state: that of its last visit. */
export function statesOf(
  names: readonly string[],
  visits: readonly Readonly<Visit>[],
  execution: ExecutionStatus,
): ReadonlyMap<string, StateStatus> {
  const unvisited = execution === "RUNNING" ? "Not started" : "Skipped";
  const statuses = new Map<string, StateStatus>(names.map((name) => [name, unvisited]));
  for (const { state, status } of visits) statuses.set(state, status);
  return statuses;
}
