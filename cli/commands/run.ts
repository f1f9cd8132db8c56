import { Command } from "@commander-js/extra-typings";
import { openTarget } from "../account/deployment-target.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { execute, failUnlessSucceeded } from "../execution/execute.ts";
import { executionInput, type InputOptions } from "../execution/execution-input.ts";
import { makeReport, type Report, renderReport } from "../execution/run-report.ts";
import { withLifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../terminal/progress-steps.ts";
import { command as start } from "./start.ts";

export const command = new Command("run")
  .description("start an execution of the deployed stack, watch it, copy its results; Ctrl-C stops it")
  .option("--json", "print one JSON object and nothing else", false)
  .action(({ json, ...input }) => runDeployed(executionInput(input as InputOptions), json));

/** Those of `start` that are about its own account and images. */
const notHere = ["dataset", "port", "keep", "json"];
for (const option of start.options.filter((option) => !notHere.includes(option.attributeName())))
  command.addOption(option);

function runDeployed(input: ReturnType<typeof executionInput>, json: boolean): Promise<void> {
  return withLifetime(async (lifetime) => {
    const since = Date.now();
    const target = await openTarget();
    const place = {
      clients: target.clients,
      ...(await requireDeployment(target)),
      outlives: true,
      pollMilliseconds: 2_000,
    };
    let report: Report | undefined;
    const watch = async (say: Reporter): Promise<void> => {
      const parts = await execute(lifetime, place, input, say);
      report = makeReport({ ...parts, mail: undefined, seconds: (Date.now() - since) / 1_000 });
    };
    await runSteps(lifetime, [{ title: "Execution", run: watch }], json);
    if (!report) throw new Error("The execution gave no report");
    const noMail = "The notification goes to the subscribers of the topic.";
    process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : `\n${renderReport(report, noMail)}\n`);
    failUnlessSucceeded(report);
  });
}
