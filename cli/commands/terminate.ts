import type { Cluster } from "@aws-sdk/client-emr";
import { Command } from "@commander-js/extra-typings";
import { isEnding, isGone, stateOf } from "../../lambdas/aws/cluster-states.ts";
import { getExecutionState } from "../../lambdas/aws/executions.ts";
import { nameOf } from "../../lambdas/contract/arns.ts";
import type { Clients } from "../account/aws-clients.ts";
import { addTargetOptions, openChosenTarget, type TargetOptions } from "../account/target-options.ts";
import { readDeployment } from "../deployment/deployed-stacks.ts";
import { executionArnOf, isOrchards } from "../execution/alive-clusters.ts";
import { findNamedCluster, requireTerminable, terminateAndWait } from "../execution/named-cluster.ts";
import { groups } from "../terminal/command-groups.ts";
import { requireConfirmed, requireTerminal } from "../terminal/confirm.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../terminal/progress-steps.ts";

export const command = addTargetOptions(
  new Command("terminate")
    .helpGroup(groups.stop)
    .summary("terminate a cluster, and wait until it is gone")
    .description("terminate a cluster, such as one that a run has kept, and wait until it is gone")
    .argument("<cluster>", "id of the cluster, as orchard status shows it")
    .option("--force", "terminate a cluster that is not Orchard's, too", false)
    .option("-y, --yes", "do not ask", false)
    .option("--json", "print one JSON object and nothing else", false)
    .addHelpText("after", "\nExample:\n  orchard terminate j-1K48XXXXXXHCB"),
).action((id, options) => withLifetime((lifetime) => terminate(lifetime, id, options)));

interface TerminateOptions extends TargetOptions {
  readonly force: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

async function terminate(
  lifetime: Lifetime,
  id: string,
  { force, yes, json, ...chosen }: TerminateOptions,
): Promise<void> {
  const { clients } = await openChosenTarget(chosen);
  const deployment = await readDeployment(clients);
  const cluster = await findNamedCluster(clients, deployment?.stateMachineArn, id);
  if (isGone(stateOf(cluster))) return print(cluster, stateOf(cluster), false, json);
  requireTerminable(cluster, force);
  // If somebody has terminated the cluster already, there is nothing to ask.
  if (!isEnding(stateOf(cluster))) await ask(lifetime, clients, cluster, yes);
  let state = stateOf(cluster);
  const end = async ({ status, title }: Reporter): Promise<void> => {
    state = await terminateAndWait(lifetime, clients.emr, cluster, status);
    title(`Cluster ${id}: ${state}`);
  };
  await runSteps(lifetime, [{ title: `Terminating cluster ${id}`, run: end }], json);
  print(cluster, state, true, json);
}

/** @throws Refused when the person says no */
async function ask(lifetime: Lifetime, clients: Clients, cluster: Cluster, yes: boolean): Promise<void> {
  requireTerminal(yes);
  if (yes) return;
  const run = await findRunOn(clients, cluster);
  const consequence = run === undefined ? "" : ` The run ${run} is RUNNING and will fail; orchard stop ends both.`;
  const question = `${describe(cluster)}.${consequence} Terminate it?`;
  await requireConfirmed(lifetime, question, yes, "Nothing was terminated.");
}

function describe(cluster: Cluster): string {
  const owner = isOrchards(cluster) ? "" : ", not Orchard's,";
  return `Cluster ${cluster.Id} (${cluster.Name})${owner} is ${stateOf(cluster)}`;
}

/** Name of the run that created the cluster, if it is RUNNING. */
async function findRunOn({ sfn }: Clients, cluster: Cluster): Promise<string | undefined> {
  const arn = executionArnOf(cluster);
  if (arn === undefined || (await getExecutionState(sfn, arn)) !== "RUNNING") return undefined;
  return nameOf(arn);
}

function print({ Id: id = "", Name: name = "" }: Cluster, state: string, wasAlive: boolean, json: boolean): void {
  const sentence = `Cluster ${id} (${name}) ${wasAlive ? "is gone" : "was gone already"}: ${state}.`;
  process.stdout.write(`${json ? JSON.stringify({ id, name, state, wasAlive }) : sentence}\n`);
}
