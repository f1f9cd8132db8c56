import { Command } from "@commander-js/extra-typings";
import { isEmbedded } from "../../lambdas/contract/arns.ts";
import { clusterLink, executionLink } from "../../lambdas/contract/console-links.ts";
import { addTargetOptions, openChosenTarget } from "../account/target-options.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { findRun, type Run, runArgument } from "../execution/find-run.ts";
import { readRun } from "../execution/read-run.ts";
import { renderReport } from "../execution/render-report.ts";
import type { Report } from "../execution/run-report.ts";
import { groups } from "../terminal/command-groups.ts";
import { formatLocalTime } from "../terminal/format-duration.ts";
import { renderFields } from "../terminal/tables.ts";

export const command = addTargetOptions(
  new Command("show")
    .helpGroup(groups.look)
    .summary("show one run in full, with its links")
    .description("show one run in full: input, outcome, states, results, cost, and links to the AWS console")
    .argument("<run>", runArgument)
    .option("--json", "print one JSON object and nothing else", false)
    .addHelpText("after", "\nExample:\n  orchard show latest"),
).action(async (text, { json, ...chosen }) => {
  const target = await openChosenTarget(chosen);
  const deployed = await requireDeployment(target);
  const run = await findRun(target.clients.sfn, deployed.stateMachineArn, text);
  const { input, report } = await readRun(target.clients, deployed, run);
  // The console of AWS does not know the runs of the embedded account.
  const links = isEmbedded(run.arn) ? [] : linksOf(report);
  if (json) process.stdout.write(`${JSON.stringify({ ...report, input, startedAt: run.startedAt, links }, null, 2)}\n`);
  else process.stdout.write(`${render(run, input, report, links)}\n`);
});

function linksOf({ executionArn, cluster }: Report): readonly string[] {
  return [executionLink(executionArn), ...(cluster ? [clusterLink(executionArn, cluster.id)] : [])];
}

function render(run: Run, input: unknown, report: Report, links: readonly string[]): string {
  const quoted = report.quotedUsd === null ? null : `${report.quotedUsd.toFixed(2)} USD quoted`;
  const cost =
    report.cost && `${report.cost.actualUsd.toFixed(2)} USD${report.cost.isFinal ? "" : " so far"}, ${quoted}`;
  const more = renderFields([
    ["Started", formatLocalTime(run.startedAt)],
    ["Input", JSON.stringify(input)],
    // On this machine, nothing is spent.
    isEmbedded(run.arn) ? ["On AWS", quoted] : ["Cost", cost ?? quoted],
    ...links.map((link): readonly [string, string] => ["Console", link]),
  ]);
  return `${renderReport(report, null)}\n${more}`;
}
