import { Command } from "@commander-js/extra-typings";
import { addTargetOptions, openChosenTarget, type TargetOptions } from "../account/target-options.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { execute, failUnlessSucceeded } from "../execution/execute.ts";
import { type ExecutionInput, makeExecutionInput } from "../execution/execution-input.ts";
import { addInputOptions } from "../execution/input-options.ts";
import { renderReport } from "../execution/render-report.ts";
import { makeReport, type Report } from "../execution/run-report.ts";
import { groups } from "../terminal/command-groups.ts";
import { withLifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../terminal/progress-steps.ts";

export const command = addTargetOptions(
  addInputOptions(
    new Command("run")
      .helpGroup(groups.run)
      .summary("start a run and follow it to its end")
      .description("start an execution of the deployed stack, watch it, copy its results; Ctrl-C stops it")
      .option("--json", "print one JSON object and nothing else", false),
  ),
).action(({ json, local, region, profile, ...options }) =>
  runDeployed({ local, region, profile }, makeExecutionInput(options), json),
);

function runDeployed(chosen: TargetOptions, executionInput: ExecutionInput, json: boolean): Promise<void> {
  return withLifetime(async (lifetime) => {
    const since = Date.now();
    const target = await openChosenTarget(chosen);
    const deployed = {
      clients: target.clients,
      ...(await requireDeployment(target)),
      outlives: true,
      pollMilliseconds: 2_000,
    };
    let report: Report | undefined;
    const watch = async (reporter: Reporter): Promise<void> => {
      const parts = await execute(lifetime, deployed, executionInput, reporter);
      report = makeReport({ ...parts, mail: undefined, seconds: (Date.now() - since) / 1_000 });
    };
    await runSteps(lifetime, [{ title: "Execution", run: watch }], json);
    if (!report) throw new Error("The execution step did not produce a report");
    const noMail = "The notification goes to the subscribers of the topic.";
    process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : `\n${renderReport(report, noMail)}\n`);
    failUnlessSucceeded(report);
  });
}
