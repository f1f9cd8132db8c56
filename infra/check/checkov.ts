import { readFileSync } from "node:fs";
import { z } from "zod";
import type { CheckResult } from "./check-result.ts";
import { runChecker } from "./run-checker.ts";
import { suppress } from "./suppress.ts";
import { checkovSuppressions } from "./suppressions.ts";
import type { SynthesizedVariant } from "./synthesize.ts";

const reportSchema = z.object({
  checks: z.number(),
  unread: z.array(z.string()),
  failed: z.array(z.object({ file: z.string(), rule: z.string(), name: z.string(), resource: z.string() })),
});

/**
 * Runs checkov's CloudFormation rules over the templates. It reads equal templates only once.
 *
 * @param complete whether these are all variants: a suppression that none of them needs is then a finding
 * @throws Error when checkov does not run or cannot read a template
 */
export function checkov(all: readonly SynthesizedVariant[], { complete }: { readonly complete: boolean }): CheckResult {
  const variants = new Map<string, string>();
  const files = new Map<string, string>();
  for (const { name, templates } of all) {
    for (const { file } of templates) {
      variants.set(file, name);
      files.set(readFileSync(file, "utf8"), file);
    }
  }
  const { checks, unread, failed } = reportSchema.parse(runChecker("run_checkov.py", [...files.values()]));
  if (unread.length > 0) throw new Error(`checkov cannot read ${unread.join(", ")}`);
  const found = failed.map(({ file, rule, name, resource }) => ({
    variant: variants.get(file) ?? file,
    place: resource,
    finding: rule,
    description: `${rule}: ${name}`,
  }));
  const scope = `${checks} checks of ${files.size} different templates`;
  return suppress({ check: "checkov", scope, found, suppressions: checkovSuppressions, complete });
}
