import { Command } from "@commander-js/extra-typings";
import { isEmbedded } from "../../lambdas/contract/arns.ts";
import { clusterLink, executionLink, localExecutionLink } from "../../lambdas/contract/console-links.ts";
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
    .description("show one run in full: input, outcome, states, results, cost, and links to the console")
    .argument("<run>", runArgument)
    .option("--json", "print one JSON object and nothing else", false)
    .addHelpText("after", "\nExample:\n  orchard show latest"),
).action(async (text, { json, ...chosen }) => {
  const target = await openChosenTarget(chosen);
  const deployed = await requireDeployment(target);
  const run = await findRun(target.clients.sfn, deployed.stateMachineArn, text);
  const { input, report } = await readRun(target.clients, deployed, run);
  const links = linksOf(report, target.env["AWS_ENDPOINT_URL"]);
  if (json) process.stdout.write(`${JSON.stringify({ ...report, input, startedAt: run.startedAt, links }, null, 2)}\n`);
  else process.stdout.write(`${render(run, input, report, links)}\n`);
});

/** @param endpoint the embedded account's */
function linksOf({ executionArn, cluster }: Report, endpoint: string | undefined): readonly string[] {
  if (isEmbedded(executionArn)) return endpoint === undefined ? [] : [localExecutionLink(endpoint, executionArn)];
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
