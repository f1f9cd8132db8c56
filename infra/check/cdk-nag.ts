import { AwsSolutionsChecks } from "cdk-nag";
import type { CheckResult } from "./check-result.ts";
import { suppressions } from "./suppressions.ts";
import type { SynthesizedVariant } from "./synthesize.ts";

/**
 * Runs cdk-nag's AwsSolutions rules over all stacks of all variants.
 *
 * @param complete whether these are all variants: a suppression that none of them needs is then a finding
 */
export function cdkNag(all: readonly SynthesizedVariant[], { complete }: { readonly complete: boolean }): CheckResult {
  const used = new Set<RegExp>();
  let count = 0;
  const findings = all.flatMap(({ name, app }) =>
    new AwsSolutionsChecks(app).validateScope(app).violations.flatMap(({ ruleName, description, violatingResources }) =>
      violatingResources.flatMap(({ constructPath = "" }) => {
        count += 1;
        const suppression = suppressions.find(({ finding, on }) => finding.test(ruleName) && on.test(constructPath));
        if (suppression) used.add(suppression.finding);
        return suppression ? [] : [`${name}: ${constructPath}: ${ruleName}: ${description}`];
      }),
    ),
  );
  const stale = complete ? suppressions.filter(({ finding }) => !used.has(finding)) : [];
  return {
    check: "cdk-nag AwsSolutions",
    scope: `${all.length} variants, ${count - findings.length} findings suppressed for ${used.size} reasons`,
    findings: [...findings, ...stale.map(({ finding }) => `suppressed but never found: ${finding}`)],
  };
}
