import { AwsSolutionsChecks } from "cdk-nag";
import type { CheckResult } from "./check-result.ts";
import { suppress } from "./suppress.ts";
import { cdkNagSuppressions } from "./suppressions.ts";
import type { SynthesizedVariant } from "./synthesize.ts";

/**
 * Runs cdk-nag's AwsSolutions rules over all stacks of all variants.
 *
 * @param complete whether these are all variants: a suppression that none of them needs is then a finding
 */
export function cdkNag(all: readonly SynthesizedVariant[], { complete }: { readonly complete: boolean }): CheckResult {
  const found = all.flatMap(({ name, app }) =>
    new AwsSolutionsChecks(app).validateScope(app).violations.flatMap(({ ruleName, description, violatingResources }) =>
      violatingResources.map(({ constructPath = "" }) => ({
        variant: name,
        place: constructPath,
        finding: ruleName,
        description: `${ruleName}: ${description}`,
      })),
    ),
  );
  const scope = `${all.length} variants`;
  return suppress({ check: "cdk-nag AwsSolutions", scope, found, suppressions: cdkNagSuppressions, complete });
}
