import type { StackResourceSummary } from "@aws-sdk/client-cloudformation";
import { Command } from "@commander-js/extra-typings";
import type { Clients } from "../account/aws-clients.ts";
import { openTarget } from "../account/deployment-target.ts";
import { deleteBucket, deleteStack, findStacks, listResources } from "../deployment/delete-stacks.ts";
import { type DeployedStack, readDeployment } from "../deployment/deployed-stacks.ts";
import { describeRunning, endClusters, findRunning, isIdle, stopRunning } from "../execution/running-work.ts";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { isConfirmed, requireTerminal } from "../terminal/confirm.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps, type Step } from "../terminal/progress-steps.ts";

interface DestroyOptions {
  readonly deleteData: boolean;
  readonly stopRunning: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

export const command = new Command("destroy")
  .helpGroup(groups.stop)
  .summary("remove what deploy created")
  .description("remove what deploy created: shows it and asks; the data bucket stays, unless --delete-data")
  .option("--delete-data", "delete the data bucket, too, with images, features, results and logs", false)
  .option("--stop-running", "stop executions, end clusters, and wait for it first", false)
  .option("-y, --yes", "do not ask", false)
  .option("--json", "print one JSON object and nothing else; needs --yes", false)
  .action((options) => withLifetime((lifetime) => destroyAll(lifetime, options)));

async function destroyAll(lifetime: Lifetime, options: DestroyOptions): Promise<void> {
  const { deleteData, yes, json } = options;
  requireTerminal(yes);
  const { clients, account, region } = await openTarget();
  const stacks = await findStacks(clients);
  if (stacks.length === 0) {
    process.stdout.write(
      json ? '{"stacks":[]}\n' : `Nothing of Orchard is deployed in account ${account}, ${region}.\n`,
    );
    return;
  }
  const deployment = await readDeployment(clients);
  const resources = (await Promise.all(stacks.map((stack) => listResources(clients, stack)))).flat();
  const bucket = findOwnBucket(resources, deployment, deleteData);
  const machine = deployment?.stateMachineArn;
  if (machine !== undefined) await requireIdle(clients, machine, options.stopRunning);

  const names = stacks.map(({ StackName = "" }) => StackName);
  if (!json) process.stdout.write(`${renderAnnouncement(names, resources, bucket, deleteData)}\n`);
  const question = `Remove this from account ${account} in ${region}?`;
  if (!(await isConfirmed(lifetime, question, yes))) throw new CommandFailed("Nothing was removed.");

  const removals: readonly Step[] = stacks.map((stack) => ({
    title: `Stack ${stack.StackName}`,
    run: () => deleteStack(lifetime, clients, stack),
  }));
  const steps = [
    ...(machine === undefined ? removals : withClusterEnd(lifetime, clients, machine, options.stopRunning, removals)),
    ...(deleteData && bucket !== undefined ? [bucketStep(lifetime, clients, bucket)] : []),
  ];
  await runSteps(lifetime, steps, json);
  const kept = deleteData ? null : (bucket ?? null);
  if (json) process.stdout.write(`${JSON.stringify({ account, region, stacks: names, keptBucket: kept })}\n`);
  else if (kept !== null) process.stdout.write(`\nThe data are kept in s3://${kept}\n`);
}

/**
 * Finds the data bucket if the stack created it; undefined when it is the user's own bucket.
 *
 * @throws UsageError when the user's own bucket would have to be deleted
 */
function findOwnBucket(
  resources: readonly StackResourceSummary[],
  deployment: DeployedStack | undefined,
  deleteData: boolean,
): string | undefined {
  const bucket = resources.find(
    ({ ResourceType, PhysicalResourceId }) =>
      ResourceType === "AWS::S3::Bucket" && PhysicalResourceId === deployment?.bucket,
  )?.PhysicalResourceId;
  if (deleteData && deployment && bucket === undefined) {
    throw new UsageError(
      `The bucket ${deployment.bucket} was there before the stack and belongs to you: --delete-data leaves it alone. Leave the option out.`,
    );
  }
  return bucket;
}

/**
 * Checks whether executions or clusters are running.
 *
 * @param mayStop whether the user gave --stop-running
 * @returns whether there are some to stop
 * @throws UsageError when there are some and they may not be stopped
 */
async function requireIdle(clients: Clients, stateMachineArn: string, mayStop: boolean): Promise<boolean> {
  const running = await findRunning(clients, stateMachineArn);
  if (!isIdle(running) && !mayStop) throw new UsageError(describeRefusal(describeRunning(running)));
  return !isIdle(running);
}

/** Stops executions and clusters before the stacks are removed, and terminates late clusters afterwards. */
function withClusterEnd(
  lifetime: Lifetime,
  clients: Clients,
  stateMachineArn: string,
  mayStop: boolean,
  removals: readonly Step[],
): readonly Step[] {
  const stop = async ({ status }: Reporter): Promise<void> => {
    // Check again: an execution may have started while the question was open.
    if (await requireIdle(clients, stateMachineArn, mayStop)) {
      await stopRunning(lifetime, clients, stateMachineArn, status);
    }
  };
  // A schedule may have started an execution while the stacks were being removed.
  const endLateClusters = async ({ title }: Reporter): Promise<void> => {
    const ids = await endClusters(clients, stateMachineArn);
    if (ids.length > 0) title(`Clusters that began meanwhile: ${ids.join(", ")} ended`);
  };
  return [
    { title: "What runs", run: stop },
    ...removals,
    { title: "Clusters that began meanwhile: none", run: endLateClusters },
  ];
}

function bucketStep(lifetime: Lifetime, clients: Clients, bucket: string): Step {
  const run = async ({ status, title }: Reporter): Promise<void> =>
    title(`Bucket ${bucket}: ${await deleteBucket(lifetime, clients, bucket, status)} objects deleted`);
  return { title: `Bucket ${bucket}`, run };
}

function describeRefusal(running: readonly string[]): string {
  return `This is needed by what runs now:\n${running.map((line) => `  ${line}`).join("\n")}\nWait for its end, or give --stop-running: it stops the executions, ends the clusters and waits for that first.`;
}

/** Lists the number of removed resources by type, and whether the data are kept. */
function renderAnnouncement(
  stacks: readonly string[],
  resources: readonly StackResourceSummary[],
  bucket: string | undefined,
  deleteData: boolean,
): string {
  const counts = new Map<string, number>();
  for (const { ResourceType = "" } of resources) {
    if (ResourceType !== "AWS::S3::Bucket") counts.set(ResourceType, (counts.get(ResourceType) ?? 0) + 1);
  }
  const lines = [...counts].sort().map(([type, count]) => `  ${String(count).padStart(3)} ${type}`);
  const data = deleteData ? "deleted with ALL that is in it" : "kept";
  return [
    `To be removed: ${stacks.join(", ")}`,
    ...lines,
    ...(bucket === undefined ? [] : [`The bucket ${bucket} is ${data}.`]),
  ].join("\n");
}
