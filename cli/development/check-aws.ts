import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { openTarget, type Target } from "../account/deployment-target.ts";
import { isOnThisMachine } from "../account/embedded-environment.ts";
import { Ceiling } from "../check-aws/ceiling.ts";
import { type Check, checkSteps, type Findings } from "../check-aws/check-aws.ts";
import { type Kind, kinds, runs } from "../check-aws/observation.ts";
import { differencesOf, type Report, renderReport } from "../check-aws/report.ts";
import { openDataset } from "../dataset/upload-images.ts";
import type { Context } from "../deployment/cdk-command.ts";
import { parseContext } from "../deployment/config-options.ts";
import { findStacks } from "../deployment/delete-stacks.ts";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import { requireConfirmed, requireTerminal } from "../terminal/confirm.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { runSteps } from "../terminal/progress-steps.ts";
import { root } from "../toolchain/places.ts";

const pollMilliseconds = { embedded: 300, aws: 10_000 } as const;

function parseUsd(text: string): number {
  const usd = Number(text);
  if (usd > 0 && Number.isFinite(usd)) return usd;
  throw new InvalidArgumentError("It is a number of US dollars above 0.");
}

interface CheckAwsOptions {
  readonly maxUsd: number;
  readonly region: string;
  readonly on: readonly Kind[];
  readonly runs: Check["runs"];
  readonly dataset?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly context?: Context | undefined;
  readonly report?: string | undefined;
  readonly yes: boolean;
}

export const command = new Command("check-aws")
  .description(
    "deploy to an account without Orchard, play runs, compare AWS's answers with docs/assumptions.md, remove everything",
  )
  .requiredOption(
    "--max-usd <usd>",
    "what all runs together may cost; a run quoted above the rest is refused",
    parseUsd,
  )
  .requiredOption("--region <region>", "the region to deploy to")
  .addOption(new Option("--on <kinds...>", "the clusters to try").choices(kinds).default(["x86"] as Kind[]))
  .addOption(new Option("--runs <runs...>", "the runs to play").choices(runs).default([...runs]))
  .option("--dataset <folder>", "images as <split>/<label>/<image> or <label>/<image> (default: a generated sample)")
  .option("--endpoint <url>", "the embedded account, in place of AWS")
  .option("-c, --context <key=value>", "one knob of the deployment; may be given several times", parseContext)
  .option("--report <folder>", "where to write report.md and report.json (default: results/check-aws-<time>)")
  .option("-y, --yes", "do not ask", false)
  .action((options) => withLifetime((lifetime) => checkAws(lifetime, options)));

/** @throws UsageError when the account has a deployment already, which the check would remove */
async function requireNoDeployment({ clients, account, region }: Target): Promise<void> {
  const stacks = await findStacks(clients);
  if (stacks.length === 0) return;
  const names = stacks.map(({ StackName }) => StackName).join(", ");
  throw new UsageError(
    `In account ${account}, ${region}, there is already ${names}, which this check would remove at its end. Use another region or account, or first: npm run destroy`,
  );
}

async function checkAws(lifetime: Lifetime, options: CheckAwsOptions): Promise<void> {
  const { maxUsd, region, on, endpoint, yes } = options;
  requireTerminal(yes);
  const startedAt = new Date().toISOString();
  // The commands that this one runs read the same variables.
  Object.assign(process.env, { AWS_REGION: region, AWS_DEFAULT_REGION: region });
  delete process.env["ORCHARD_LOCAL"];
  if (endpoint !== undefined) process.env["AWS_ENDPOINT_URL"] = endpoint;
  const target = await openTarget();
  await requireNoDeployment(target);
  const where = `account ${target.account}, ${target.region}`;
  const question = `Deploy to ${where}, run for at most ${maxUsd.toFixed(2)} USD, and remove it all?`;
  await requireConfirmed(lifetime, question, yes, "Nothing was deployed.");
  const ceiling = new Ceiling(maxUsd);
  const findings: Findings = { observations: [], comparisons: [], skipped: [], removal: "Nothing was deployed." };
  let failure: string | null = null;
  const write = (): Report => {
    const { account } = target;
    const report = { account, region, kinds: on, startedAt, maxUsd, spentUsd: ceiling.spent, failure, ...findings };
    writeReport(options.report ?? join(root, "results", `check-aws-${startedAt.replaceAll(/[:.]/g, "-")}`), report);
    return report;
  };
  // Registered first, so it is written last, after the removal of an interrupted check.
  const writeNow = lifetime.defer(async () => void write());
  try {
    const dataset = await openDataset(lifetime, { folder: options.dataset, command: "npm run check:aws -- --dataset" });
    const isEmbedded = endpoint !== undefined && isOnThisMachine(endpoint);
    const check: Check = {
      ...{ target, dataset, ceiling, kinds: on, runs: options.runs, context: options.context ?? {} },
      pollMilliseconds: isEmbedded ? pollMilliseconds.embedded : pollMilliseconds.aws,
    };
    await runSteps(lifetime, checkSteps(lifetime, check, findings), false);
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
    throw error;
  }
  await writeNow();
  const differences = differencesOf(findings);
  process.stdout.write(`\n${findings.comparisons.length} answers compared, ${differences.length} differ.\n`);
  if (differences.length > 0)
    throw new CommandFailed(`AWS differs from what docs/assumptions.md says, see the report.`);
}

function writeReport(folder: string, report: Report): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(folder, "report.md"), renderReport(report));
  process.stdout.write(`\nReport: ${join(folder, "report.md")}\n`);
}
