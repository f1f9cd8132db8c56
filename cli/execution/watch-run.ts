import type { Target } from "../account/deployment-target.ts";
import type { DeployedStack } from "../deployment/deployed-stacks.ts";
import { CommandFailed } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../terminal/progress-steps.ts";
import { describeGoesOn, followRun } from "./follow-run.ts";
import { type ReadRun, readRun } from "./read-run.ts";
import type { Report } from "./run-report.ts";
import type { StartedRun } from "./running-cluster.ts";

/** @throws CommandFailed with the cause of the failure */
export function requireSucceeded({ runId, status, error }: Report): void {
  if (status !== "SUCCEEDED") throw new CommandFailed(`${error?.name ?? status}: ${error?.cause ?? runId}`);
}

/**
 * Follows a run that goes on without the command. Ctrl-C ends only the command.
 *
 * @param quiet shows no progress
 */
export async function watchRun(
  lifetime: Lifetime,
  target: Target,
  deployed: DeployedStack,
  run: StartedRun,
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
