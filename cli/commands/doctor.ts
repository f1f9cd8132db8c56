import { Command } from "@commander-js/extra-typings";
import { green, red, yellow } from "ansis";
import {
  CheckFailure,
  type CheckOutcome,
  isFatal,
  runCheck,
  runChecks,
} from "../../lambdas/preflight/checks/run-checks.ts";
import type { Target } from "../account/deployment-target.ts";
import { addTargetOptions, openChosenTarget, type TargetOptions } from "../account/target-options.ts";
import { type DeployedStack, requireDeployment } from "../deployment/deployed-stacks.ts";
import { runPreflightChecks } from "../deployment/preflight-checks.ts";
import { describeAlive } from "../execution/alive-clusters.ts";
import { findRunning } from "../execution/running-work.ts";
import { CommandError, CommandFailed } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { renderColumns } from "../terminal/tables.ts";
import { machineChecks } from "../toolchain/machine-checks.ts";

export const command = addTargetOptions(
  new Command("doctor")
    .helpGroup(groups.setUp)
    .summary("check this machine and the account")
    .description("check this machine, the account and the stack, all at once; exit code 0 if a run would start")
    .option("--json", "print one JSON object and nothing else", false)
    .addHelpText("after", "\nExample:\n  orchard doctor --local"),
).action(async ({ json, ...chosen }) => {
  const [machine, account] = await Promise.all([runChecks(machineChecks()), checkAccount(chosen)]);
  const outcomes = [...machine, ...account];
  const failed = outcomes.filter(isFatal);
  if (json) process.stdout.write(`${JSON.stringify({ ok: failed.length === 0, checks: outcomes }, null, 2)}\n`);
  else process.stdout.write(`${render(outcomes)}\n`);
  if (failed.length > 0) {
    throw new CommandFailed(`A run would not start: ${failed.length} of ${outcomes.length} checks failed.`);
  }
});

/** A check whose result the checks after it need. */
async function check<Result>(
  name: string,
  remedy: string,
  find: () => Promise<Result>,
  describe: (result: Result) => string,
): Promise<readonly [outcome: CheckOutcome, result: Result | undefined]> {
  let result: Result | undefined;
  const run = async (): Promise<string> => {
    try {
      result = await find();
      return describe(result);
    } catch (error) {
      throw error instanceof CommandError ? new CheckFailure(error.message) : error;
    }
  };
  return [await runCheck({ name, remedy, run }), result];
}

/** Checks the account, then the stack in it, then all that a run needs. */
async function checkAccount(chosen: TargetOptions): Promise<readonly CheckOutcome[]> {
  const [account, target] = await check(
    "account",
    "Log in and set a region, as docs/aws.md describes",
    () => openChosenTarget(chosen),
    (found) => `${found.account}, ${found.region}`,
  );
  if (!target) return [account];
  const [stack, deployed] = await check(
    "stack",
    "Deploy it: orchard deploy",
    () => requireDeployment(target),
    ({ bucket }) => `deployed, with the bucket ${bucket}`,
  );
  const clusters = await checkForgotten(target, deployed);
  if (!deployed) return [account, stack, clusters];
  let preflight: readonly CheckOutcome[] = [];
  const [outcome] = await check(
    "preflight",
    "Deploy again: orchard deploy",
    async () => {
      preflight = await runPreflightChecks(target, deployed);
    },
    () => `${preflight.length} checks`,
  );
  return [account, stack, clusters, outcome, ...preflight];
}

/** Warns about clusters whose run has ended. They do not keep a run from starting, but they cost money. */
function checkForgotten(target: Target, deployed: DeployedStack | undefined): Promise<CheckOutcome> {
  const run = async (): Promise<string> => {
    const { executions, clusters } = await findRunning(target.clients, deployed?.stateMachineArn);
    const forgotten = clusters.filter(({ runId }) => !executions.some(({ name }) => name === runId));
    if (forgotten.length > 0) throw new CheckFailure(forgotten.map(describeAlive).join("; "));
    return clusters.length === 0 ? "no cluster is alive" : "each cluster that is alive has a run";
  };
  const remedy = "Unless it is kept on purpose: aws emr terminate-clusters --cluster-ids <id>";
  return runCheck({ name: "clusters", isWarning: true, remedy, run });
}

/** A line for each check, and its remedy below. */
function render(outcomes: readonly CheckOutcome[]): string {
  const rows = outcomes.flatMap(({ name, ok, isWarning, detail, remedy }) => {
    const mark = ok ? green("✔") : isWarning ? yellow("!") : red("✖");
    return [[mark, name, detail], ...(ok ? [] : [["", "", `→ ${remedy}`]])];
  });
  return renderColumns(rows);
}
