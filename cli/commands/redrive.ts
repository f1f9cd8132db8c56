import { Command } from "@commander-js/extra-typings";
import { addTargetOptions, openChosenTarget, type TargetOptions } from "../account/target-options.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { confirmAboveOption } from "../execution/approve-cost.ts";
import { approveRun } from "../execution/approve-run.ts";
import { findRun, runArgument } from "../execution/find-run.ts";
import { describeGoesOn } from "../execution/follow-run.ts";
import { chooseAttempt, readInput, redriveRun } from "../execution/redrive-run.ts";
import { renderReport } from "../execution/render-report.ts";
import type { StartedRun } from "../execution/running-cluster.ts";
import { newExecution, startExecution } from "../execution/watch-execution.ts";
import { requireSucceeded, watchRun } from "../execution/watch-run.ts";
import { groups } from "../terminal/command-groups.ts";
import { Lifetime, withLifetime } from "../terminal/lifetime.ts";

export const command = addTargetOptions(
  new Command("redrive")
    .helpGroup(groups.run)
    .summary("redrive or rerun a run that failed or was stopped")
    .description(
      "let a run that failed or was stopped go on where it can, or else start a new one with its input, and follow it; Ctrl-C ends only the following",
    )
    .argument("<run>", runArgument)
    .option("--detach", "do not follow it", false)
    .addOption(confirmAboveOption)
    .option("-y, --yes", "do not ask", false)
    .option("--json", "print one JSON object and nothing else, once the run has ended", false)
    .addHelpText("after", "\nExample:\n  orchard redrive latest"),
).action((text, options) =>
  withLifetime((lifetime) => redrive(lifetime, text, options), new Lifetime({ notice: null })),
);

interface RedriveOptions extends TargetOptions {
  readonly detach: boolean;
  readonly yes: boolean;
  readonly confirmAbove?: number | undefined;
  readonly json: boolean;
}

async function redrive(lifetime: Lifetime, text: string, options: RedriveOptions): Promise<void> {
  const { detach, yes, confirmAbove, json, ...chosen } = options;
  const target = await openChosenTarget(chosen);
  const deployed = await requireDeployment(target);
  const { clients } = target;
  const failed = await findRun(clients.sfn, deployed.stateMachineArn, text);
  const { action, reason } = await chooseAttempt(clients, failed);
  let run: StartedRun = failed;
  if (action === "redrive") await redriveRun(lifetime, clients, failed);
  else {
    const input = await readInput(clients, failed);
    await approveRun(lifetime, target, deployed, input, { yes, json, confirmAbove });
    run = { ...newExecution(deployed.stateMachineArn), startedAt: new Date() };
    await startExecution(clients, deployed.stateMachineArn, run, input);
  }
  const { runId, arn: executionArn } = run;
  const done = action === "redrive" ? `${runId} goes on` : `${runId} has the input of ${failed.runId}`;
  const outcome = { action, reason, failedRun: failed.runId, runId, executionArn };
  if (detach) {
    const lines = `${done}: ${reason}.\n${describeGoesOn(runId)}`;
    process.stdout.write(`${json ? JSON.stringify({ ...outcome, report: null }) : lines}\n`);
    return;
  }
  if (!json) process.stderr.write(`${done}: ${reason}.\n`);
  const { report } = await watchRun(lifetime, target, deployed, run, json);
  process.stdout.write(`${json ? JSON.stringify({ ...outcome, report }) : renderReport(report, null)}\n`);
  requireSucceeded(report);
}
