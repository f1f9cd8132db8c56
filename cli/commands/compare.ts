import { Command } from "@commander-js/extra-typings";
import { isEmbedded } from "../../lambdas/contract/arns.ts";
import { addTargetOptions, openChosenTarget } from "../account/target-options.ts";
import { compareRuns } from "../comparison/compare-runs.ts";
import { writeComparisonPage } from "../comparison/comparison-page.ts";
import { readFacts } from "../comparison/read-facts.ts";
import { renderComparison } from "../comparison/render-comparison.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { findRun, runArgument } from "../execution/find-run.ts";
import { UsageError } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { openPage } from "../terminal/open-page.ts";
import { fromPerson } from "../toolchain/places.ts";

export const command = addTargetOptions(
  new Command("compare")
    .helpGroup(groups.look)
    .summary("show two runs side by side, and what changed between them")
    .description(
      "show two runs side by side: variance, labels, times and cost, and what changed in images and parameters",
    )
    .argument("<before>", runArgument)
    .argument("<after>", runArgument)
    .option("--open", "write it as a page, and open the page in the browser", false)
    .option("--output <file>", "write it as a page to this file (default with --open: compare-<before>-<after>.html)")
    .option("--json", "print one JSON object and nothing else", false)
    .addHelpText("after", "\nExample:\n  orchard compare run-20261129-092552-1391 latest --open"),
).action(async (first, second, { open, output, json, ...chosen }) => {
  const target = await openChosenTarget(chosen);
  const deployed = await requireDeployment(target);
  const { clients } = target;
  const before = await findRun(clients.sfn, deployed.stateMachineArn, first);
  const after = await findRun(clients.sfn, deployed.stateMachineArn, second);
  if (before.arn === after.arn) throw new UsageError(`Both are ${before.runId}. Name two runs: orchard list`);
  const facts = await Promise.all([readFacts(clients, deployed, before), readFacts(clients, deployed, after)]);
  const comparison = compareRuns(facts, !isEmbedded(after.arn));
  const file = output ?? (open ? `compare-${before.runId}-${after.runId}.html` : undefined);
  const page = file === undefined ? null : fromPerson(file);
  if (page !== null) await writeComparisonPage(comparison, page);
  if (json) process.stdout.write(`${JSON.stringify({ ...comparison, page })}\n`);
  else if (page === null) process.stdout.write(`${renderComparison(comparison)}\n`);
  else process.stdout.write(`${open ? await openPage(page) : page}\n`);
});
