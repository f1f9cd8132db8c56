import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The members of a state that tests read. */
export interface State {
  readonly Type: string;
  readonly Resource?: string;
  readonly Next?: string;
  readonly Default?: string;
  readonly TimeoutSeconds?: number;
  readonly TimeoutSecondsPath?: string;
  readonly ResultPath?: string | null;
  readonly Parameters?: unknown;
  readonly Choices?: readonly { readonly Next: string }[];
  readonly Retry?: readonly {
    readonly ErrorEquals: readonly string[];
    readonly MaxAttempts: number;
    readonly IntervalSeconds?: number;
  }[];
  readonly Catch?: readonly {
    readonly ErrorEquals: readonly string[];
    readonly ResultPath: string;
    readonly Next: string;
  }[];
}

export interface Definition {
  readonly StartAt: string;
  readonly TimeoutSeconds: number;
  readonly States: Readonly<Record<string, State>>;
}

const file = join(import.meta.dirname, "..", "..", "statemachine", "orchard.asl.json");

/** Returns the definition with an ARN or a name in place of each placeholder, as the stack substitutes them. */
export function renderedDefinition(): Definition {
  const text = readFileSync(file, "utf8")
    .replaceAll(/\$\{Partition\}/g, "aws")
    .replaceAll(/\$\{(\w+)\}/g, (_, name: string) =>
      name.endsWith("FunctionArn")
        ? `arn:aws:lambda:eu-west-1:000000000000:function:${name.slice(0, -"FunctionArn".length)}`
        : name.toLowerCase(),
    );
  return JSON.parse(text) as Definition;
}

export function tasks(definition: Definition): [string, State][] {
  return Object.entries(definition.States).filter(([, state]) => state.Type === "Task");
}
