import type { StateMachine } from "aws-local-stepfunctions";

export type Machine = ConstructorParameters<typeof StateMachine>[0];

/**
 * Prepares a definition for the interpreter, which starts at its first state or, in a redrive, at a later one.
 *
 * The interpreter overwrites $$.Execution.StartTime with the time of its own run, but on AWS a redrive keeps the time of
 * the execution. Definitions therefore read it under the name FirstStartTime, which `executionContext` sets.
 */
export function runnable(definition: string, startAt?: string): Machine {
  const machine: Machine = JSON.parse(definition.replaceAll("$$.Execution.StartTime", "$$$$.Execution.FirstStartTime"));
  return startAt === undefined ? machine : { ...machine, StartAt: startAt };
}

/** Returns the member of $$.Execution that prepared definitions read the start time from. */
export function executionContext(startTime: Date) {
  return { FirstStartTime: startTime.toISOString() };
}
