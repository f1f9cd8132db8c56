import { Command } from "@commander-js/extra-typings";
import type { Target } from "../account/deployment-target.ts";
import { addTargetOptions, openChosenTarget, type TargetOptions } from "../account/target-options.ts";
import { type DeployedStack, requireDeployment } from "../deployment/deployed-stacks.ts";
import { openPlanner } from "../deployment/preflight-checks.ts";
import { approveCost, confirmAboveOption } from "../execution/approve-cost.ts";
import { approveRun, thresholdOf } from "../execution/approve-run.ts";
import { execute, failUnlessSucceeded } from "../execution/execute.ts";
import { type ExecutionInput, type InputOptions, makeExecutionInput } from "../execution/execution-input.ts";
import { describeGoesOn } from "../execution/follow-run.ts";
import { addInputOptions } from "../execution/input-options.ts";
import { decideAtInterruption } from "../execution/interrupted-run.ts";
import { chooseMode } from "../execution/mode-menu.ts";
import { renderReport } from "../execution/render-report.ts";
import { makeReport, type Report } from "../execution/run-report.ts";
import { newExecution, startExecution } from "../execution/watch-execution.ts";
import { groups } from "../terminal/command-groups.ts";
import { hasTerminal } from "../terminal/confirm.ts";
import { Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../terminal/progress-steps.ts";

export const command = addTargetOptions(
  addInputOptions(
    new Command("run")
      .helpGroup(groups.run)
      .summary("start a run and follow it to its end")
      .description(
        "start a run of the deployed stack, follow it, and copy its results; without --mode, a terminal offers a menu",
      )
      .option("--detach", "start the run, and do not follow it", false)
      .addOption(confirmAboveOption)
      .option("-y, --yes", "do not ask", false)
      .option("--json", "print one JSON object and nothing else", false)
      .addHelpText("after", "\nExample:\n  orchard run --mode mini"),
  ),
).action(({ json, yes, detach, confirmAbove, local, region, profile, ...options }) => {
  const wish = { options, json, yes, detach, confirmAbove };
  // On a terminal, Ctrl-C leads to a question, so the usual request to wait would be wrong.
  const lifetime = new Lifetime(hasTerminal() ? { notice: null } : {});
  return withLifetime(() => run(lifetime, { local, region, profile }, wish), lifetime);
});

interface Wish {
  readonly options: InputOptions;
  readonly json: boolean;
  readonly yes: boolean;
  readonly detach: boolean;
  readonly confirmAbove: number | undefined;
}

async function run(lifetime: Lifetime, chosen: TargetOptions, wish: Wish): Promise<void> {
  const since = Date.now();
  const offersMenu = wantsMenu(wish);
  const given = offersMenu ? undefined : makeExecutionInput(wish.options);
  const target = await openChosenTarget(chosen);
  const deployed = await requireDeployment(target);
  if (given) await approveRun(lifetime, target, deployed, given, wish);
  const input = given ?? (await choose(lifetime, target, deployed, wish));
  if (wish.detach) return startDetached(target, deployed, input, wish.json);
  await follow(lifetime, target, deployed, { input, json: wish.json, since });
}

/** Whether a person is to choose the mode: at a terminal, when no option determines the run. */
function wantsMenu({ options: { mode, label, input }, json, yes }: Wish): boolean {
  return [mode, label, input].every((option) => option === undefined) && !json && !yes && hasTerminal();
}

async function choose(
  lifetime: Lifetime,
  target: Target,
  deployed: DeployedStack,
  wish: Wish,
): Promise<ExecutionInput> {
  const { input, plan } = await chooseMode(lifetime, await openPlanner(target, deployed), wish.options);
  await approveCost(lifetime, plan, thresholdOf(target, wish));
  return input;
}

async function startDetached(
  { clients }: Target,
  { stateMachineArn }: DeployedStack,
  input: ExecutionInput,
  json: boolean,
): Promise<void> {
  const execution = newExecution(stateMachineArn);
  await startExecution(clients, stateMachineArn, execution, input);
  const { runId, arn: executionArn } = execution;
  const text = json
    ? JSON.stringify({ runId, executionArn, input })
    : `${executionArn}\n${describeGoesOn(runId, "has started")}`;
  process.stdout.write(`${text}\n`);
}

interface Followed {
  readonly input: ExecutionInput;
  readonly json: boolean;
  readonly since: number;
}

async function follow(
  lifetime: Lifetime,
  target: Target,
  deployed: DeployedStack,
  { input, json, since }: Followed,
): Promise<void> {
  const execution = newExecution(deployed.stateMachineArn);
  decideAtInterruption(lifetime, target.clients, { ...execution, startedAt: new Date() });
  let report: Report | undefined;
  const watch = async (reporter: Reporter): Promise<void> => {
    const parts = await execute(lifetime, target.clients, deployed, { execution, input }, reporter);
    report = makeReport({ ...parts, mail: undefined, seconds: (Date.now() - since) / 1_000 });
  };
  await runSteps(lifetime, [{ title: "Execution", run: watch }], json);
  if (!report) throw new Error("The execution step did not produce a report");
  const noMail = "The notification goes to the subscribers of the topic.";
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : `\n${renderReport(report, noMail)}\n`);
  failUnlessSucceeded(report);
}
