import type { Cluster } from "../account/cluster.ts";
import type { Execution, HistoryEvent, Run } from "../account/execution.ts";
import type { Delivery } from "../account/records.ts";
import type { Simulation } from "../account/simulation.ts";
import type { Failure, Fault } from "../scenarios/failures.ts";

/** The state that begins the clean-up. */
export const cleanUp = "TerminateClusterAfterFailure";
export const minuteMs = 60_000;
/** From the arrival of an event to the end of its handling: an invocation, and two more after 1 and 2 minutes. */
export const timeForLayer2Ms = 15 * minuteMs;

/** One run of an execution, with its history and the time until the next redrive. */
export interface ExecutionRun extends Run {
  readonly execution: Execution;
  /** "run-1", or "run-1, redrive 1". */
  readonly name: string;
  /** Start of the next redrive, or infinity. */
  readonly until: number;
  readonly history: readonly HistoryEvent[];
}

/** The runs of an execution: its start and each redrive. */
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

/** Whether the scenario has such a fault for the execution. */
export function hasFault({ scenario }: Simulation, { name }: Execution, which: (fault: Fault) => boolean): boolean {
  return scenario.faults.some((fault) => (fault.execution ?? name) === name && which(fault));
}

/** The faults that the scenario has for a state of the execution. */
export function faultsIn({ scenario }: Simulation, { name }: Execution, state: string): readonly Fault[] {
  return scenario.faults.filter((fault) => fault.state === state && (fault.execution ?? name) === name);
}

/** States.ALL does not catch these errors. */
export function isUncatchable({ error }: Failure): boolean {
  return ["States.DataLimitExceeded", "States.Runtime"].includes(error?.code ?? "");
}

/** Whether no Catch could complete, because the run was stopped or met an error that States.ALL does not catch. */
export function wasCutOff(simulation: Simulation, { execution, outcome: { status, error } }: ExecutionRun): boolean {
  return ["ABORTED", "TIMED_OUT"].includes(status)
    ? (simulation.scenario.stops ?? []).some((stop) => stop.execution === execution.name)
    : hasFault(simulation, execution, ({ failure }) => isUncatchable(failure) && failure.error?.code === error);
}

export function runsEndedByItself(simulation: Simulation): readonly ExecutionRun[] {
  return everyRun(simulation).filter((one) => !wasCutOff(simulation, one));
}

/** Whether the run gave way to another execution, and so did nothing. */
export function wasSkipped({ history }: { readonly history: readonly HistoryEvent[] }): boolean {
  return history.some(({ type, state }) => type === "StateEntered" && state === "Skipped");
}

/** The execution's events up to the end of a run. */
function historyUntil({ execution, history, offset }: ExecutionRun): readonly HistoryEvent[] {
  return execution.history.slice(0, offset + history.length);
}

export function hasDone(run: ExecutionRun, state: string): boolean {
  return historyUntil(run).some((event) => event.type === "TaskSucceeded" && event.state === state);
}

export interface FirstFailure {
  readonly at: number;
  readonly error: string;
  readonly cause: string;
}

/** The failure that began the clean-up, under the name that Catch saw. It is in an earlier run if a redrive continued the clean-up. */
export function firstFailure(run: ExecutionRun): FirstFailure | undefined {
  const history = historyUntil(run);
  const end = history.findIndex(({ type, state }) => type === "StateEntered" && state === cleanUp);
  const found = history.slice(0, Math.max(0, end)).findLast(({ type }) => /^Task(Failed|TimedOut)$/.test(type));
  return found && { at: found.at, error: found.error ?? "States.Timeout", cause: found.cause ?? "" };
}

/** A fault that a second attempt overcomes, and whose first attempt had no effect. */
function isMended({ failure, times }: Fault): boolean {
  return times === 1 && failure.when === "before" && !isUncatchable(failure);
}

/** Whether Lambda's two retries of an asynchronous invocation overcome the faults. */
export function isWellInTheEnd(faults: readonly Fault[]): boolean {
  return faults.every(isMended) && faults.length <= 2;
}

/** The events of a run's end that reached layer 2 before the next redrive, with enough time to handle them. */
export function deliveriesInTime(
  simulation: Simulation,
  { execution: { name }, number, until }: ExecutionRun,
): readonly Delivery[] {
  return simulation.endDeliveries.filter(
    (one) => one.execution === name && one.run === number && one.at + timeForLayer2Ms < until,
  );
}

/** The clusters that a run created or, if none, those of the run before it. */
export function clustersOf(simulation: Simulation, { execution, number }: ExecutionRun): readonly Cluster[] {
  const own = simulation.creations.filter(({ by }) => by.execution === execution.name && (by.run ?? 0) <= number);
  const last = Math.max(...own.map(({ by }) => by.run ?? 0));
  return own.filter(({ by }) => (by.run ?? 0) === last).map(({ cluster }) => cluster);
}
