import type { StateMachine } from "aws-local-stepfunctions";

export type Machine = ConstructorParameters<typeof StateMachine>[0];

/**
 * Prepares a definition for the interpreter, which starts at its first state or, in a redrive, at a later one.
 *
 * The interpreter overwrites $$.Execution.StartTime with the time of its own run, but on AWS a redrive keeps the time of
 * the execution. Definitions therefore read it under the name FirstStartTime, which `executionContext` sets.
 */
export function runnable(definition: string, startAt?: string): Machine {
  const text = definition.replaceAll("$$.Execution.StartTime", "$$$$.Execution.FirstStartTime");
  const machine = parseWithTimeouts(text);
  return startAt === undefined ? machine : { ...machine, StartAt: startAt };
}

/** Returns the member of $$.Execution from which prepared definitions read the start time. */
export function executionContext(startTime: Date) {
  return { FirstStartTime: startTime.toISOString() };
}

/** Member of a Task's parameters that carries the state's input, which the service does not get. */
const carried = "OrchardStateInput";

/**
 * Parses a definition. AWS resolves TimeoutSecondsPath on the state's input: see "Dynamic task timeout and heartbeat
 * notification" in docs.aws.amazon.com/step-functions/latest/dg/state-task.html, where Parameters lack the field. The
 * interpreter resolves it on the Parameters, so they have to carry the input.
 */
export function parseWithTimeouts(definition: string): Machine {
  return JSON.parse(definition, (_key, value) =>
    typeof value?.TimeoutSecondsPath === "string" && value.Parameters
      ? {
          ...value,
          Parameters: { ...value.Parameters, [`${carried}.$`]: "$" },
          TimeoutSecondsPath: value.TimeoutSecondsPath.replace(/^\$(?!\$)/, `$.${carried}`),
        }
      : value,
  );
}

/** Returns the parameters as the service gets them. */
export function withoutStateInput(parameters: unknown): unknown {
  if (typeof parameters !== "object" || parameters === null || !(carried in parameters)) return parameters;
  const { [carried]: _input, ...rest } = parameters;
  return rest;
}
