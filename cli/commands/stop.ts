import { Command } from "@commander-js/extra-typings";
import { listObjects, parseS3Uri } from "../../lambdas/aws/s3.ts";
import { runUri } from "../../lambdas/contract/s3-layout.ts";
import { plural } from "../../shared/formatting.ts";
import type { Clients } from "../account/aws-clients.ts";
import { addTargetOptions, openChosenTarget, type TargetOptions } from "../account/target-options.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { elapsedSince } from "../execution/alive-clusters.ts";
import { findRun, type Run, runArgument } from "../execution/find-run.ts";
import { findOwnClusters, findReusedCluster, isRunning, type Stopped, showStop } from "../execution/stop-run.ts";
import { groups } from "../terminal/command-groups.ts";
import { requireConfirmed } from "../terminal/confirm.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";

export const command = addTargetOptions(
  new Command("stop")
    .helpGroup(groups.stop)
    .summary("stop a run, and wait until its cluster is gone")
    .description("stop a run and wait until its cluster is gone; the features that it has computed stay")
    .argument("<run>", runArgument)
    .option("-y, --yes", "do not ask", false)
    .option("--json", "print one JSON object and nothing else", false)
    .addHelpText("after", "\nExample:\n  orchard stop latest"),
).action((text, options) => withLifetime((lifetime) => stop(lifetime, text, options)));

interface StopOptions extends TargetOptions {
  readonly yes: boolean;
  readonly json: boolean;
}

async function stop(lifetime: Lifetime, text: string, { yes, json, ...chosen }: StopOptions): Promise<void> {
  const target = await openChosenTarget(chosen);
  const { clients } = target;
  const { stateMachineArn, bucket } = await requireDeployment(target);
  const run = await findRun(clients.sfn, stateMachineArn, text);
  const wasRunning = isRunning(run);
  const stopped = wasRunning ? await askAndStop(lifetime, clients, run, yes, json) : await describeEnded(clients, run);
  const uri = runUri(bucket, run.runId);
  const files = (await listObjects(clients.s3, parseS3Uri(uri))).length;
  const outcome: Outcome = { runId: run.runId, wasRunning, ...stopped, results: { uri, files } };
  process.stdout.write(`${json ? JSON.stringify(outcome) : render(outcome)}\n`);
}

/** The names are those of --json. */
interface Outcome extends Ended {
  readonly runId: string;
  readonly wasRunning: boolean;
  readonly results: { readonly uri: string; readonly files: number };
}

interface Ended extends Stopped {
  /** Clusters that stay and cost money: those that the run has kept, or the cluster of another run that it used. */
  readonly aliveClusters: readonly string[];
}

/** @throws Refused when the person says no */
async function askAndStop(
  lifetime: Lifetime,
  clients: Clients,
  run: Run,
  yes: boolean,
  quiet: boolean,
): Promise<Ended> {
  const question = `Stop ${run.runId}, which is ${run.status}${elapsedSince(run.startedAt)}, and terminate its cluster?`;
  await requireConfirmed(lifetime, question, yes, "Nothing was stopped.");
  const stopped = await showStop(lifetime, clients, run, quiet);
  return { ...stopped, aliveClusters: await findReusedCluster(clients, run) };
}

async function describeEnded(clients: Clients, run: Run): Promise<Ended> {
  const aliveClusters = (await findOwnClusters(clients, run)).map(({ Id = "" }) => Id);
  return { status: run.status ?? "UNKNOWN", endedClusters: [], aliveClusters };
}

function render({ runId, wasRunning, status, endedClusters, aliveClusters, results }: Outcome): string {
  const clusters =
    endedClusters.length === 0 ? "it had no cluster" : `cluster ${endedClusters.join(", ")} is terminated`;
  const first =
    wasRunning && status === "ABORTED" ? `${runId} is stopped; ${clusters}.` : `${runId} has ended already: ${status}.`;
  return [
    first,
    `Saved: ${plural(results.files, "file")} in ${results.uri}`,
    "The features that it has computed stay in the store, and the next run reuses them.",
    ...aliveClusters.map((id) => `Cluster ${id} may be alive and cost money. To end it: orchard terminate ${id}`),
  ].join("\n");
}
