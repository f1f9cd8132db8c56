import { isDeepStrictEqual } from "node:util";

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
}

/** A CloudFormation template as far as it is compared. */
export interface StackTemplate {
  readonly Resources?: Readonly<Record<string, Resource>>;
}

/** An execution keeps the definition that it began with, whatever becomes of the state machine's. */
const definition = ["DefinitionString", "DefinitionS3Location", "DefinitionSubstitutions"];

/** They watch, and no execution and no cluster uses them. */
const observers = /^AWS::(CloudWatch|Budgets|CDK)::/;

/**
 * Changes that could reach an execution that runs, or a cluster that is alive, as `<what> <logical id> (<type>)`.
 * Not among them: new resources; a function's code and settings, since definitions name versions of functions; the
 * state machine's definition; an old version that stays when the stack lets go of it.
 */
export function incompatibleChanges(deployed: StackTemplate, wanted: StackTemplate): readonly string[] {
  return Object.entries(deployed.Resources ?? {}).flatMap(([id, before]) => {
    const after = wanted.Resources?.[id];
    if (observers.test(before.Type)) return [];
    if (!after) {
      const stays = before.Type === "AWS::Lambda::Version" && before.DeletionPolicy === "Retain";
      return stays ? [] : [`removes ${id} (${before.Type})`];
    }
    return isSafe(before, after) ? [] : [`changes ${id} (${before.Type})`];
  });
}

function isSafe(before: Resource, after: Resource): boolean {
  if (before.Type !== after.Type) return false;
  if (before.Type === "AWS::Lambda::Function") return true;
  const ignored = before.Type === "AWS::StepFunctions::StateMachine" ? definition : [];
  return isDeepStrictEqual(without(ignored, before), without(ignored, after));
}

function without(keys: readonly string[], { Properties = {} }: Resource) {
  return Object.fromEntries(Object.entries(Properties).filter(([key]) => !keys.includes(key)));
}
