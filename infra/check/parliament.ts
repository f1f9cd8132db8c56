import { z } from "zod";
import type { CheckResult } from "./check-result.ts";
import { resolvePolicies } from "./resolve-policies.ts";
import { runChecker } from "./run-checker.ts";
import { suppress } from "./suppress.ts";
import { parliamentSuppressions } from "./suppressions.ts";
import type { SynthesizedVariant } from "./synthesize.ts";

const findingsSchema = z.array(z.object({ policy: z.number(), issue: z.string(), detail: z.string() }));

/**
 * Runs parliament over the policies of roles, buckets, queues, topics, keys and endpoints. It reads equal policies
 * only once.
 *
 * @param complete whether these are all variants: a suppression that none of them needs is then a finding
 * @throws Error when parliament does not run, or a policy has a function of CloudFormation that is not known here
 */
export function parliament(
  all: readonly SynthesizedVariant[],
  { complete }: { readonly complete: boolean },
): CheckResult {
  const distinct = new Map(
    all.flatMap((variant) =>
      resolvePolicies(variant).map(({ name, policy }) => [
        JSON.stringify([name, policy]),
        { variant: variant.name, name, policy },
      ]),
    ),
  );
  const policies = [...distinct.values()];
  const input = JSON.stringify(policies.map(({ policy }) => policy));
  const found = findingsSchema.parse(runChecker("run_parliament.py", [], input)).flatMap((entry) => {
    const policy = policies[entry.policy];
    const finding = `${entry.issue}: ${entry.detail}`;
    return policy ? [{ variant: policy.variant, place: policy.name, finding, description: finding }] : [];
  });
  const scope = `${policies.length} different policies`;
  return suppress({ check: "parliament", scope, found, suppressions: parliamentSuppressions, complete });
}
