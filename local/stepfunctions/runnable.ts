import type { StateMachine } from "aws-local-stepfunctions";

export type Machine = ConstructorParameters<typeof StateMachine>[0];

/**
 * A definition as the interpreter is to run it: from its first state or, in a redrive, from a later one.
 *
 * The interpreter puts the time of its own run into $$.Execution, whatever context it is given. On AWS it stays the
 * execution's own when it is redriven; it comes from the context under this name instead.
 */
export function runnable(definition: string, startAt?: string): Machine {
  const machine: Machine = JSON.parse(definition.replaceAll("$$.Execution.StartTime", "$$$$.Execution.FirstStartTime"));
  return startAt === undefined ? machine : { ...machine, StartAt: startAt };
}

/** The part of the context that goes with it. */
export function executionContext(startTime: Date) {
  return { FirstStartTime: startTime.toISOString() };
}
