import type { StackResourceSummary } from "@aws-sdk/client-cloudformation";
import { Command } from "@commander-js/extra-typings";
import type { Clients } from "../account/aws-clients.ts";
import type { Target } from "../account/deployment-target.ts";
import { addTargetOptions, openChosenTarget, type TargetOptions, targetArguments } from "../account/target-options.ts";
import { deleteBucket, findStacks, listResources } from "../deployment/delete-stacks.ts";
import { type DeployedStack, readDeployment } from "../deployment/deployed-stacks.ts";
import { leftClusters, type Removal, removeDeployment, requireIdle } from "../deployment/remove-deployment.ts";
import { describeAlive, endAliveClusters, findAliveClusters } from "../execution/alive-clusters.ts";
import { UsageError } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { requireConfirmed, requireTerminal } from "../terminal/confirm.ts";
import { Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps, type Step } from "../terminal/progress-steps.ts";

interface DestroyOptions extends TargetOptions {
  readonly deleteData: boolean;
  readonly stopRunning: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

export const command = addTargetOptions(
  new Command("destroy")
    .helpGroup(groups.stop)
    .summary("remove what deploy created")
    .description("remove what deploy created: shows it and asks; the data bucket stays, unless --delete-data")
    .option("--delete-data", "delete the data bucket, too, with images, features, results and logs", false)
    .option("--stop-running", "stop executions, end clusters, and wait for it first", false)
    .option("-y, --yes", "do not ask", false)
    .option("--json", "print one JSON object and nothing else; needs --yes", false)
    .addHelpText("after", "\nExample:\n  orchard destroy --stop-running"),
).action((options) =>
  // At an interruption, there is nothing to wait for, and the steps announce a line of their own.
  withLifetime((lifetime) => destroyAll(lifetime, options), new Lifetime({ notice: null })),
);

/** The command line with these options. */
function commandOf({ deleteData, stopRunning: mayStop, ...chosen }: DestroyOptions): string {
  return [
    "orchard destroy",
    ...(mayStop ? ["--stop-running"] : []),
    ...(deleteData ? ["--delete-data"] : []),
    ...targetArguments(chosen),
  ].join(" ");
}

async function destroyAll(lifetime: Lifetime, options: DestroyOptions): Promise<void> {
  const { deleteData, stopRunning: mayStop, yes, json } = options;
  requireTerminal(yes);
  const target = await openChosenTarget(options);
  const { clients, account, region } = target;
  const stacks = await findStacks(clients);
  if (stacks.length === 0) return endLeftClusters(lifetime, target, options);
  const deployment = await readDeployment(clients);
  const resources = (await Promise.all(stacks.map((stack) => listResources(clients, stack)))).flat();
  const bucket = findOwnBucket(resources, deployment, deleteData);
  // A stack whose creation failed has no outputs, but it may have resources.
  const physicalId = (type: string) => resources.find(({ ResourceType }) => ResourceType === type)?.PhysicalResourceId;
  const removal: Removal = {
    clients,
    stateMachineArn: deployment?.stateMachineArn ?? physicalId("AWS::StepFunctions::StateMachine"),
    bucket: deployment?.bucket ?? physicalId("AWS::S3::Bucket"),
    stacks,
    mayStop,
    sameCommand: commandOf(options),
    lastSteps: deleteData && bucket !== undefined ? [bucketStep(lifetime, clients, bucket)] : [],
  };
  await requireIdle(removal);

  const names = stacks.map(({ StackName = "" }) => StackName);
  if (!json) process.stdout.write(`${renderAnnouncement(names, resources, bucket, deleteData)}\n`);
  const question = `Remove this from account ${account} in ${region}?`;
  await requireConfirmed(lifetime, question, yes, "Nothing was removed.");

  await removeDeployment(lifetime, removal, json);
  const kept = deleteData ? null : (bucket ?? null);
  if (json) process.stdout.write(`${JSON.stringify({ account, region, stacks: names, keptBucket: kept })}\n`);
  else if (kept !== null) process.stdout.write(`\nThe data are kept in s3://${kept}\n`);
}

/** Ends clusters that an incomplete removal has left. Without a deployment, only this command ends them. */
async function endLeftClusters(
  lifetime: Lifetime,
  { clients, account, region }: Target,
  options: DestroyOptions,
): Promise<void> {
  const { stopRunning: mayStop, yes, json } = options;
  const clusters = await findAliveClusters(clients, undefined);
  if (clusters.length === 0) {
    process.stdout.write(
      json ? '{"stacks":[]}\n' : `Nothing of Orchard is deployed in account ${account}, ${region}.\n`,
    );
    return;
  }
  const lines = clusters.map((cluster) => `  ${describeAlive(cluster)}`).join("\n");
  const found = `Nothing of Orchard is deployed in account ${account}, ${region}, but these clusters are alive and cost money:\n${lines}`;
  if (!mayStop) throw new UsageError(`${found}\nTo end them: orchard destroy --stop-running`);
  if (!json) process.stdout.write(`${found}\n`);
  const refusal = `Nothing was ended. These clusters are alive:\n${lines}`;
  await requireConfirmed(lifetime, "End these clusters?", yes, refusal);
  let endedClusters: readonly string[] = [];
  const end = async ({ status }: Reporter): Promise<void> => {
    const takeBack = lifetime.announce(() => `Interrupted. ${leftClusters} Go on with: ${commandOf(options)}`);
    endedClusters = await endAliveClusters(lifetime, clients, undefined, status);
    takeBack();
  };
  await runSteps(lifetime, [{ title: "Clusters", run: end }], json);
  if (json) process.stdout.write(`${JSON.stringify({ stacks: [], endedClusters })}\n`);
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

function bucketStep(lifetime: Lifetime, clients: Clients, bucket: string): Step {
  const run = async ({ status, title }: Reporter): Promise<void> => {
    const takeBack = lifetime.announce(
      () => `Interrupted. The bucket ${bucket} may still be there, and nothing else: aws s3 rb --force s3://${bucket}`,
    );
    title(`Bucket ${bucket}: ${await deleteBucket(lifetime, clients, bucket, status)} objects deleted`);
    takeBack();
  };
  return { title: `Bucket ${bucket}`, run };
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
