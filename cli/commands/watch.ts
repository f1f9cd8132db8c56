import { Command } from "@commander-js/extra-typings";
import type { Target } from "../account/deployment-target.ts";
import { addTargetOptions, openChosenTarget } from "../account/target-options.ts";
import { type DeployedStack, requireDeployment } from "../deployment/deployed-stacks.ts";
import { findRun, type Run, runArgument } from "../execution/find-run.ts";
import { describeGoesOn, followRun } from "../execution/follow-run.ts";
import { type ReadRun, readRun } from "../execution/read-run.ts";
import { renderReport } from "../execution/render-report.ts";
import { CommandFailed } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../terminal/progress-steps.ts";

export const command = addTargetOptions(
  new Command("watch")
    .helpGroup(groups.look)
    .summary("follow a run that somebody or a schedule started")
    .description(
      "follow a run to its end: states, cluster, images a second, time left, cost so far; Ctrl-C ends only the watching",
    )
    .argument("[run]", runArgument, "latest")
    .option("--json", "print one JSON object and nothing else, once the run has ended", false)
    .addHelpText("after", "\nExample:\n  orchard watch latest"),
).action((text, { json, ...chosen }) =>
  withLifetime(
    async (lifetime) => {
      const target = await openChosenTarget(chosen);
      const deployed = await requireDeployment(target);
      const run = await findRun(target.clients.sfn, deployed.stateMachineArn, text);
      const { report } =
        run.status === "RUNNING"
          ? await follow(lifetime, target, deployed, run, json)
          : await readRun(target.clients, deployed, run);
      process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : `${renderReport(report, null)}\n`);
      const { status, error } = report;
      if (status !== "SUCCEEDED") throw new CommandFailed(`${error?.name ?? status}: ${error?.cause ?? run.runId}`);
    },
    new Lifetime({ notice: null }),
  ),
);

async function follow(
  lifetime: Lifetime,
  target: Target,
  deployed: DeployedStack,
  run: Run,
  quiet: boolean,
): Promise<ReadRun> {
  const { runId } = run;
  lifetime.defer(async () => {
    if (lifetime.interrupted) process.stderr.write(`\n${describeGoesOn(runId)}\n`);
  });
  let result: ReadRun | undefined;
  const watch = async (reporter: Reporter): Promise<void> => {
    const read = () => readRun(target.clients, deployed, run);
    result = await followRun(lifetime, target.clients, deployed, run, reporter, read);
    reporter.title(`${runId}: ${result.report.status}`);
  };
  await runSteps(lifetime, [{ title: runId, run: watch }], quiet);
  if (!result) throw new Error("The watching did not produce a report");
  return result;
}
