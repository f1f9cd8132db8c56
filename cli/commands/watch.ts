import { Command } from "@commander-js/extra-typings";
import { addTargetOptions, openChosenTarget } from "../account/target-options.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { findRun, runArgument } from "../execution/find-run.ts";
import { readRun } from "../execution/read-run.ts";
import { renderReport } from "../execution/render-report.ts";
import { requireSucceeded, watchRun } from "../execution/watch-run.ts";
import { groups } from "../terminal/command-groups.ts";
import { Lifetime, withLifetime } from "../terminal/lifetime.ts";

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
          ? await watchRun(lifetime, target, deployed, run, json)
          : await readRun(target.clients, deployed, run);
      process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : `${renderReport(report, null)}\n`);
      requireSucceeded(report);
    },
    new Lifetime({ notice: null }),
  ),
);
