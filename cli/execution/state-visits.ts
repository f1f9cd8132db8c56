import type { HistoryEvent } from "@aws-sdk/client-sfn";

/** One visit to a Task state. */
export interface StateVisit {
  readonly name: string;
  readonly enteredAt: Date;
  readonly leftAt?: Date;
  /** The state's last attempt failed. */
  readonly failed: boolean;
  /** How often it was tried again after a failure. */
  readonly retries: number;
}

const FAILED = /(Failed|TimedOut)$/;
const ended = /^Execution(Succeeded|Failed|Aborted|TimedOut)$/;

/** Folds an execution's history into the visits to its Task states, in the order in which they were entered. */
export function visitsOf(events: readonly HistoryEvent[]): readonly StateVisit[] {
  const visits: StateVisit[] = [];
  const update = (change: Partial<StateVisit>): void => {
    const last = visits.pop();
    if (last) visits.push({ ...last, ...change });
  };
  let isCutOff = false;
  const isOpen = (): boolean => visits.length > 0 && visits.at(-1)?.leftAt === undefined;
  for (const { type = "", timestamp = new Date(0), stateEnteredEventDetails: entered } of events) {
    if (type === "TaskStateEntered" && entered?.name) {
      visits.push({ name: entered.name, enteredAt: timestamp, failed: false, retries: 0 });
    } else if (type === "ExecutionRedriven" && isCutOff) {
      // A Task that was running is scheduled again, and not entered again.
      const { leftAt: _, ...again } = visits.pop() as StateVisit;
      visits.push(again);
    } else if (!isOpen()) {
      // Between Task states: Pass, Choice and the ends take no time.
    } else if (type === "TaskStateExited" || type.endsWith("StateEntered") || ended.test(type)) {
      isCutOff = ended.test(type);
      // Some failures leave the state without an event of their own.
      update({ leftAt: timestamp, ...(ended.test(type) && type !== "ExecutionSucceeded" ? { failed: true } : {}) });
    } else if (FAILED.test(type)) {
      update({ failed: true });
    } else if (/(Task|LambdaFunction)Scheduled$/.test(type) && visits.at(-1)?.failed) {
      update({ failed: false, retries: (visits.at(-1)?.retries ?? 0) + 1 });
    }
  }
  return visits;
}
