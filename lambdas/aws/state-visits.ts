import type { HistoryEvent } from "@aws-sdk/client-sfn";

/** One visit to a Task state. */
export interface StateVisit {
  readonly name: string;
  readonly enteredAt: Date;
  readonly leftAt?: Date;
  /** Whether the state's last attempt failed. */
  readonly failed: boolean;
  /** Number of further attempts after a failure. */
  readonly retries: number;
}

const failedEvent = /(Failed|TimedOut)$/;
const executionEndEvent = /^Execution(Succeeded|Failed|Aborted|TimedOut)$/;

/** Seconds that the execution spent in the state; 0 while it is still there. */
export function secondsIn({ enteredAt, leftAt }: StateVisit): number {
  return leftAt ? (leftAt.getTime() - enteredAt.getTime()) / 1_000 : 0;
}

/** Converts an execution's history into the visits to its Task states, in the order of entering. */
export function listVisits(events: readonly HistoryEvent[]): readonly StateVisit[] {
  const visits: StateVisit[] = [];
  const update = (change: Partial<StateVisit>): void => {
    const last = visits.pop();
    if (last) visits.push({ ...last, ...change });
  };
  let endedInTask = false;
  const isOpen = (): boolean => visits.length > 0 && visits.at(-1)?.leftAt === undefined;
  for (const { type = "", timestamp = new Date(0), stateEnteredEventDetails: entered } of events) {
    if (type === "TaskStateEntered" && entered?.name) {
      visits.push({ name: entered.name, enteredAt: timestamp, failed: false, retries: 0 });
    } else if (type === "ExecutionRedriven" && endedInTask) {
      // A redrive schedules the interrupted Task again without another entered event.
      const { leftAt: _, ...again } = visits.pop() as StateVisit;
      visits.push(again);
    } else if (!isOpen()) {
      // Other states (Pass, Choice, Succeed, Fail) take no time.
    } else if (type === "TaskStateExited" || type.endsWith("StateEntered") || executionEndEvent.test(type)) {
      endedInTask = executionEndEvent.test(type);
      // Some failures end the execution without a failure event of the state.
      update({
        leftAt: timestamp,
        ...(executionEndEvent.test(type) && type !== "ExecutionSucceeded" ? { failed: true } : {}),
      });
    } else if (failedEvent.test(type)) {
      update({ failed: true });
    } else if (/(Task|LambdaFunction)Scheduled$/.test(type) && visits.at(-1)?.failed) {
      update({ failed: false, retries: (visits.at(-1)?.retries ?? 0) + 1 });
    }
  }
  return visits;
}
