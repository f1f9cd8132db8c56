import type { Cluster } from "../account/cluster.ts";
import type { Execution, HistoryEvent, Run } from "../account/execution.ts";
import type { Delivery } from "../account/records.ts";
import type { Simulation } from "../account/simulation.ts";
import type { Failure, Fault } from "../scenarios/failures.ts";

/** The first state of the clean-up. */
export const cleanUp = "TerminateClusterAfterFailure";
export const minuteMs = 60_000;
/** Time to handle an event: an invocation, and two retries after one and two minutes. */
export const timeForLayer2Ms = 15 * minuteMs;

/** A run of an execution, with its part of the history. */
export interface ExecutionRun extends Run {
  readonly execution: Execution;
  /** "run-1", or "run-1, redrive 1". */
  readonly name: string;
  /** Start of the next redrive, or infinity. */
  readonly until: number;
  readonly history: readonly HistoryEvent[];
}

/** Returns the runs of an execution: one for its start and one for each redrive. */
export function runsOf(execution: Execution): readonly ExecutionRun[] {
  return execution.runs.map((run, index) => {
    const next = execution.runs[index + 1];
    return {
      ...run,
      execution,
      name: run.number === 0 ? execution.name : `${execution.name}, redrive ${run.number}`,
      until: next?.startedAt ?? Number.POSITIVE_INFINITY,
      history: execution.history.slice(run.offset, next?.offset),
    };
  });
}

export function everyRun(simulation: Simulation): readonly ExecutionRun[] {
  return simulation.executions.flatMap(runsOf);
}

/** Tells whether the scenario has such a fault for the execution. */
export function hasFault({ scenario }: Simulation, { name }: Execution, which: (fault: Fault) => boolean): boolean {
  return scenario.faults.some((fault) => (fault.execution ?? name) === name && which(fault));
}

/** Returns the scenario's faults for a state of the execution. */
export function faultsIn({ scenario }: Simulation, { name }: Execution, state: string): readonly Fault[] {
  return scenario.faults.filter((fault) => fault.state === state && (fault.execution ?? name) === name);
}

/** Tells whether States.ALL does not catch the failure. */
export function isUncatchable({ error }: Failure): boolean {
  return ["States.DataLimitExceeded", "States.Runtime"].includes(error?.code ?? "");
}

/** Tells whether the run ended without its clean-up: it was stopped, or States.ALL did not catch its error. */
export function wasInterrupted(
  simulation: Simulation,
  { execution, outcome: { status, error } }: ExecutionRun,
): boolean {
  return ["ABORTED", "TIMED_OUT"].includes(status)
    ? (simulation.scenario.stops ?? []).some((stop) => stop.execution === execution.name)
    : hasFault(simulation, execution, ({ failure }) => isUncatchable(failure) && failure.error?.code === error);
}

/** Returns the runs that reached one of their own final states. */
export function completedRuns(simulation: Simulation): readonly ExecutionRun[] {
  return everyRun(simulation).filter((one) => !wasInterrupted(simulation, one));
}

/** Tells whether the run did nothing, because another execution was running. */
export function wasSkipped({ history }: { readonly history: readonly HistoryEvent[] }): boolean {
  return history.some(({ type, state }) => type === "StateEntered" && state === "Skipped");
}

/** Returns the execution's events up to the end of a run. */
function historyUntil({ execution, history, offset }: ExecutionRun): readonly HistoryEvent[] {
  return execution.history.slice(0, offset + history.length);
}

/** Tells whether a task state has succeeded, in this run or an earlier one. */
export function hasDone(run: ExecutionRun, state: string): boolean {
  return historyUntil(run).some((event) => event.type === "TaskSucceeded" && event.state === state);
}

export interface FirstFailure {
  readonly at: number;
  readonly error: string;
  readonly cause: string;
}

/** Returns the failure that started the clean-up. It is in an earlier run if a redrive continued the clean-up. */
export function firstFailure(run: ExecutionRun): FirstFailure | undefined {
  const history = historyUntil(run);
  const end = history.findIndex(({ type, state }) => type === "StateEntered" && state === cleanUp);
  const found = history.slice(0, Math.max(0, end)).findLast(({ type }) => /^Task(Failed|TimedOut)$/.test(type));
  return found && { at: found.at, error: found.error ?? "States.Timeout", cause: found.cause ?? "" };
}

/** Tells whether a retry overcomes the fault, and the failed attempt had no effect. */
function isOvercomeByRetry({ failure, times }: Fault): boolean {
  return times === 1 && failure.when === "before" && !isUncatchable(failure);
}

/** Tells whether Lambda's two retries of an asynchronous invocation overcome the faults. */
export function areOvercomeByRetries(faults: readonly Fault[]): boolean {
  return faults.every(isOvercomeByRetry) && faults.length <= 2;
}

/** Returns the deliveries of a run's end that layer 2 can handle before the next redrive. */
export function deliveriesInTime(
  simulation: Simulation,
  { execution: { name }, number, until }: ExecutionRun,
): readonly Delivery[] {
  return simulation.endDeliveries.filter(
    (one) => one.execution === name && one.run === number && one.at + timeForLayer2Ms < until,
  );
}

/** Returns the clusters that a run created. If it created none, returns those of the last earlier run that did. */
export function clustersOf(simulation: Simulation, { execution, number }: ExecutionRun): readonly Cluster[] {
  const own = simulation.creations.filter(({ by }) => by.execution === execution.name && (by.run ?? 0) <= number);
  const last = Math.max(...own.map(({ by }) => by.run ?? 0));
  return own.filter(({ by }) => (by.run ?? 0) === last).map(({ cluster }) => cluster);
}
