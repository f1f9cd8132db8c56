import type { StateMachine } from "aws-local-stepfunctions";

export type Machine = ConstructorParameters<typeof StateMachine>[0];

/**
 * A definition as the interpreter is to run it: from its first state or, in a redrive, from a later one.
 *
 * The interpreter puts the time and the input of its own run into $$.Execution, whatever context it is given. On AWS both
 * stay the execution's own when it is redriven; they come from the context under these two names instead.
 */
export function runnable(definition: string, startAt?: string): Machine {
  const machine: Machine = JSON.parse(
    definition.replaceAll(/\$\$\.Execution\.(StartTime|Input)\b/g, "$$$$.Execution.First$1"),
  );
  return startAt === undefined ? machine : { ...machine, StartAt: startAt };
}

/** The part of the context that goes with it. */
export function executionContext(startTime: Date, input: unknown) {
  return { FirstStartTime: startTime.toISOString(), FirstInput: input };
}
