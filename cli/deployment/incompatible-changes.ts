import { isDeepStrictEqual } from "node:util";

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
}

/** The parts of a CloudFormation template that are compared. */
export interface StackTemplate {
  readonly Resources?: Readonly<Record<string, Resource>>;
}

/** Properties with the definition. A running execution keeps the definition that it was started with. */
const definitionProperties = ["DefinitionString", "DefinitionS3Location", "DefinitionSubstitutions"];

/** Resource types that only monitor, so that no execution and no cluster uses them. */
const monitoringTypes = /^AWS::(CloudWatch|Budgets|CDK)::/;

/**
 * Lists the changes that could affect a running execution or cluster, as `<verb> <logical id> (<type>)`. New resources,
 * a function's code and settings (definitions refer to function versions), the state machine's definition, and a
 * retained old version are harmless.
 */
export function incompatibleChanges(deployed: StackTemplate, wanted: StackTemplate): readonly string[] {
  return Object.entries(deployed.Resources ?? {}).flatMap(([id, before]) => {
    const after = wanted.Resources?.[id];
    if (monitoringTypes.test(before.Type)) return [];
    if (!after) {
      const isRetained = before.Type === "AWS::Lambda::Version" && before.DeletionPolicy === "Retain";
      return isRetained ? [] : [`removes ${id} (${before.Type})`];
    }
    return isSafe(before, after) ? [] : [`changes ${id} (${before.Type})`];
  });
}

function isSafe(before: Resource, after: Resource): boolean {
  if (before.Type !== after.Type) return false;
  if (before.Type === "AWS::Lambda::Function") return true;
  const ignored = before.Type === "AWS::StepFunctions::StateMachine" ? definitionProperties : [];
  return isDeepStrictEqual(without(ignored, before), without(ignored, after));
}

function without(keys: readonly string[], { Properties = {} }: Resource) {
  return Object.fromEntries(Object.entries(Properties).filter(([key]) => !keys.includes(key)));
}
