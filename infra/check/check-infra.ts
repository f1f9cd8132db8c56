// All judges that we did not write, over all variants: `npm run check:infra`. Exit code 1 when one finds something.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  aslDefinitions,
  awsRequests,
  type CheckResult,
  cdkNag,
  cfnLint,
  npmAudit,
  type SynthesizedVariant,
  shellcheck,
  synthesize,
} from "./checks.ts";
import { leastPrivilege } from "./least-privilege.ts";
import { variants } from "./variants.ts";

const folder = mkdtempSync(join(tmpdir(), "orchard-check-"));
function say(line: string): boolean {
  return process.stdout.write(`${line}\n`);
}

function tell({ judge, looked, findings, note }: CheckResult): void {
  say(`${findings.length > 0 ? "✖" : note ? "!" : "✔"} ${judge}: ${note ?? `${findings.length} findings, ${looked}`}`);
  for (const finding of findings) say(`    ${finding}`);
}

try {
  const stand = {
    outdir: join(folder, "out"),
    modelFile: join(folder, "model"),
    wheelhouseFile: join(folder, "wheels"),
  };
  mkdirSync(stand.outdir);
  writeFileSync(stand.modelFile, "");
  writeFileSync(stand.wheelhouseFile, "");
  const all: SynthesizedVariant[] = [];
  const failed: string[] = [];
  for (const variant of variants) {
    try {
      all.push(synthesize(variant, stand));
      say(`  ${variant.name}`);
    } catch (error) {
      failed.push(`${variant.name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  const verdicts = [
    { judge: "cdk synth", looked: `${variants.length} variants`, findings: failed },
    await leastPrivilege(all, { complete: failed.length === 0 }),
    ...[
      () => cdkNag(all, { complete: failed.length === 0 }),
      () => aslDefinitions(all),
      () => cfnLint(all),
      awsRequests,
      shellcheck,
      npmAudit,
    ].map((judge) => judge()),
  ];
  for (const verdict of verdicts) tell(verdict);
  const total = verdicts.reduce((sum, { findings }) => sum + findings.length, 0);
  say(`${total} findings`);
  process.exitCode = total > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
