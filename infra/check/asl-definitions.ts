import aslValidator from "asl-validator";
import { z } from "zod";
import type { CheckResult } from "./check-result.ts";
import { checkedRegion, type SynthesizedVariant } from "./synthesize.ts";

const machineSchema = z.object({ Properties: z.object({ DefinitionString: z.string() }) });

const createClusterSchema = z.object({
  States: z.record(
    z.string(),
    z.object({
      Resource: z.string().optional(),
      Parameters: z
        .object({ Instances: z.object({ KeepJobFlowAliveWhenNoSteps: z.literal(true) }) })
        .optional()
        .catch(undefined),
    }),
  ),
});

/**
 * Finds states that give createCluster its mandatory flag in another form than as a Boolean: "Instances.KeepJobFlow-
 * AliveWhenNoSteps is mandatory, and must have the Boolean value TRUE"
 * (docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html). A path would hide the flag from a check at the deployment.
 */
function hiddenFlags(definition: unknown): readonly string[] {
  return Object.entries(createClusterSchema.parse(definition).States)
    .filter(
      ([, { Resource = "", Parameters }]) => /:createCluster(\.sync)?$/.test(Resource) && Parameters === undefined,
    )
    .map(([state]) => `${state}: Instances must be an object with KeepJobFlowAliveWhenNoSteps: true, not a path`);
}

/** Checks the deployed definitions, with their placeholders filled, by asl-validator and by a rule that it lacks. */
export function aslDefinitions(all: readonly SynthesizedVariant[]): CheckResult {
  const machines = all.flatMap(({ name, templates }) =>
    templates.flatMap(({ template }) =>
      Object.values(template.findResources("AWS::StepFunctions::StateMachine")).map((machine) => ({
        name,
        definition: machineSchema
          .parse(machine)
          .Properties.DefinitionString.replaceAll(
            /\$\{\w+FunctionArn\}/g,
            `arn:aws:lambda:${checkedRegion}:000000000000:function:f:1`,
          )
          .replaceAll(/\$\{Partition\}/g, "aws")
          .replaceAll(/\$\{\w+\}/g, "x"),
      })),
    ),
  );
  const findings = machines.flatMap(({ name, definition }) => {
    const parsed = JSON.parse(definition);
    const { isValid, errorsText } = aslValidator(parsed);
    return [...(isValid ? [] : [errorsText("; ")]), ...hiddenFlags(parsed)].map((finding) => `${name}: ${finding}`);
  });
  return { check: "asl-validator", scope: `${machines.length} definitions`, findings };
}
