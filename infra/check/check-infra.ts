// Runs all checks over all variants: `npm run check:infra`. The exit code is 1 when there is a finding.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { aslDefinitions } from "./asl-definitions.ts";
import { awsRequests } from "./aws-requests.ts";
import { cdkNag } from "./cdk-nag.ts";
import { cfnLint } from "./cfn-lint.ts";
import type { CheckResult } from "./check-result.ts";
import { checkov } from "./checkov.ts";
import { leastPrivilege } from "./least-privilege.ts";
import { npmAudit } from "./npm-audit.ts";
import { parliament } from "./parliament.ts";
import { shellcheck } from "./shellcheck.ts";
import { type SynthesizedVariant, synthesize } from "./synthesize.ts";
import { variants } from "./variants.ts";

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function printResult({ check, scope, findings, skipped }: CheckResult): void {
  if (skipped !== undefined) print(`! ${check}: not checked: ${skipped}`);
  else print(`${findings.length > 0 ? "✖" : "✔"} ${check}: ${findings.length} findings, ${scope}`);
  for (const finding of findings) print(`    ${finding}`);
}

interface Synthesis {
  readonly synthesized: readonly SynthesizedVariant[];
  readonly result: CheckResult;
}

function synthesizeAll(folder: string): Synthesis {
  const files = {
    outdir: join(folder, "out"),
    modelFile: join(folder, "model"),
    wheelhouseFile: join(folder, "wheels"),
  };
  mkdirSync(files.outdir);
  writeFileSync(files.modelFile, "");
  writeFileSync(files.wheelhouseFile, "");
  const synthesized: SynthesizedVariant[] = [];
  const findings: string[] = [];
  for (const variant of variants) {
    try {
      synthesized.push(synthesize(variant, files));
      print(`  ${variant.name}`);
    } catch (error) {
      findings.push(`${variant.name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { synthesized, result: { check: "cdk synth", scope: `${variants.length} variants`, findings } };
}

async function runChecks(folder: string): Promise<readonly CheckResult[]> {
  const { synthesized, result } = synthesizeAll(folder);
  const complete = result.findings.length === 0;
  return [
    result,
    await leastPrivilege(synthesized, { complete }),
    cdkNag(synthesized, { complete }),
    aslDefinitions(synthesized),
    cfnLint(synthesized),
    checkov(synthesized, { complete }),
    parliament(synthesized, { complete }),
    awsRequests(),
    shellcheck(),
    npmAudit(),
  ];
}

const folder = mkdtempSync(join(tmpdir(), "orchard-check-"));
try {
  const results = await runChecks(folder);
  for (const result of results) printResult(result);
  const total = results.reduce((sum, { findings }) => sum + findings.length, 0);
  const skipped = results.filter((result) => result.skipped !== undefined).length;
  print(`${total} findings${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  process.exitCode = total > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
