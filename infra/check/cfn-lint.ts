import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { z } from "zod";
import type { CheckResult } from "./check-result.ts";
import { checkedRegion, type SynthesizedVariant } from "./synthesize.ts";

const root = join(import.meta.dirname, "..", "..");

const lintSchema = z.array(
  z.object({
    Filename: z.string(),
    Level: z.string(),
    Message: z.string(),
    Rule: z.object({ Id: z.string() }),
    Location: z.object({ Path: z.array(z.union([z.string(), z.number()])).nullable() }),
  }),
);

/**
 * W3005 reports redundant dependencies: CDK adds a DependsOn to every GetAtt of a role. E3601 mistakes an ARN with the
 * placeholder of the partition for an invalid ARN; asl-validator checks the definition with its placeholders filled.
 */
export const ignoredRules: readonly string[] = ["W3005", "E3601"];

/** Runs cfn-lint over the templates. @throws Error when cfn-lint does not run */
export function cfnLint(all: readonly SynthesizedVariant[]): CheckResult {
  const files = all.flatMap(({ templates }) => templates.map(({ file }) => file));
  const args = ["--format", "json", "--regions", checkedRegion, "--ignore-checks", ...ignoredRules, "--", ...files];
  const { stdout, stderr, error } = spawnSync(join(root, ".orchard", "python", "bin", "cfn-lint"), args, {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (error || !stdout) throw new Error(`cfn-lint did not run: ${error?.message ?? stderr}`);
  const findings = lintSchema
    .parse(JSON.parse(stdout))
    .map(
      ({ Filename, Level, Message, Rule, Location }) =>
        `${Filename}: ${Location.Path?.join("/")}: ${Level} ${Rule.Id} ${Message}`,
    );
  return { check: "cfn-lint", scope: `${files.length} templates`, findings };
}
