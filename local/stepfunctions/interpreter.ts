import { StateMachine } from "aws-local-stepfunctions";
import { AwsError, errorText } from "../support/aws-error.ts";
import type { Machine } from "./runnable.ts";

/** The library fails a Task without TimeoutSeconds after 60 s; AWS's default is 99,999,999 s, more than a timer can hold. */
const maxTimeoutSeconds = 2_000_000;

/** JSON as the interpreter takes it. */
export type Json = Parameters<StateMachine["run"]>[0];

export type InterpreterRun = ReturnType<StateMachine["run"]>;

export type InterpreterEvent = InterpreterRun["eventLogs"] extends AsyncGenerator<infer Event> ? Event : never;

export interface TaskState {
  readonly name: string;
  readonly resource: string;
  readonly timeoutSeconds: number | undefined;
}

/** A definition that the interpreter has accepted, with its Tasks. */
export interface Program {
  readonly machine: StateMachine;
  readonly taskStates: readonly TaskState[];
}

/** The definitions that were found valid. A validation takes a fifth of a second, because the library compiles its schemas. */
const valid = new Set<string>();

/**
 * Compiles a definition. Function ARNs are not checked: the library knows only some of their forms.
 * @param validate false for a redrive, because validation would refuse the unreachable states before its first one
 * @throws AwsError ValidationException when the interpreter refuses the definition
 */
export function compile(definition: Machine, { validate }: { readonly validate: boolean }): Program {
  const text = JSON.stringify(definition);
  const taskStates = prepareTasks(definition);
  const { TimeoutSeconds: seconds } = definition;
  const timeout = seconds === undefined ? {} : { TimeoutSeconds: Math.min(seconds, maxTimeoutSeconds) };
  const validationOptions = validate && !valid.has(text) ? { checkArn: false } : { noValidate: true };
  try {
    const machine = new StateMachine({ ...definition, ...timeout }, { validationOptions });
    if (validate) valid.add(text);
    return { machine, taskStates };
  } catch (error) {
    throw new AwsError("ValidationException", `The embedded account cannot run the definition: ${errorText(error)}`);
  }
}

/** Sets the time-out that the library needs on every Task, also in Map and Parallel, and lists the Tasks. */
function prepareTasks(definition: Pick<Machine, "States">): readonly TaskState[] {
  return Object.entries(definition.States).flatMap(([name, state]) => {
    if (state.Type === "Task") {
      const { TimeoutSeconds: timeoutSeconds } = state;
      if (state.TimeoutSecondsPath === undefined) {
        state.TimeoutSeconds = Math.min(timeoutSeconds ?? maxTimeoutSeconds, maxTimeoutSeconds);
      }
      return [{ name, resource: state.Resource, timeoutSeconds }];
    }
    const nested =
      state.Type === "Parallel" ? state.Branches : state.Type === "Map" ? [state.ItemProcessor ?? state.Iterator] : [];
    return nested.flatMap((machine) => (machine === undefined ? [] : prepareTasks(machine)));
  });
}
