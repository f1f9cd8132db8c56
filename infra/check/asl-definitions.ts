import aslValidator from "asl-validator";
import { z } from "zod";
import type { CheckResult } from "./check-result.ts";
import { checkedRegion, type SynthesizedVariant } from "./synthesize.ts";

const machineSchema = z.object({ Properties: z.object({ DefinitionString: z.string() }) });

/** Runs asl-validator over the deployed definitions, with their placeholders filled. */
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
          .replaceAll(/\$\{\w+\}/g, "x"),
      })),
    ),
  );
  const findings = machines.flatMap(({ name, definition }) => {
    const { isValid, errorsText } = aslValidator(JSON.parse(definition));
    return isValid ? [] : [`${name}: ${errorsText("; ")}`];
  });
  return { check: "asl-validator", scope: `${machines.length} definitions`, findings };
}
