import { Command } from "@commander-js/extra-typings";
import { openTarget } from "../account/deployment-target.ts";
import { deleteBucket, deleteStack, findStacks, listResources } from "../deployment/delete-stacks.ts";
import { readDeployment } from "../deployment/deployed-stacks.ts";
import { describeRunning, endClusters, findRunning, isIdle, stopRunning } from "../execution/running-work.ts";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
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
  .description("remove what deploy created: shows it and asks; the data bucket stays, unless --delete-data")
  .option("--delete-data", "delete the data bucket, too, with images, features, results and logs", false)
  .option("--stop-running", "stop executions, end clusters, and wait for it first", false)
  .option("-y, --yes", "do not ask", false)
  .option("--json", "print one JSON object and nothing else; needs --yes", false)
  .action((options) => withLifetime((lifetime) => destroyAll(lifetime, options)));

async function destroyAll(lifetime: Lifetime, { deleteData, yes, json, ...options }: DestroyOptions): Promise<void> {
  requireTerminal(yes);
  const { clients, account, region } = await openTarget();
  const stacks = await findStacks(clients);
  const names = stacks.map(({ StackName = "" }) => StackName);
  if (stacks.length === 0) {
    process.stdout.write(
      json ? '{"stacks":[]}\n' : `Nothing of Orchard is deployed in account ${account}, ${region}.\n`,
    );
    return;
  }
  const deployment = await readDeployment(clients);
  const resources = (await Promise.all(stacks.map((stack) => listResources(clients, stack)))).flat();
  const bucket = resources.find(
    ({ ResourceType, PhysicalResourceId }) =>
      ResourceType === "AWS::S3::Bucket" && PhysicalResourceId === deployment?.bucket,
  )?.PhysicalResourceId;
  if (deleteData && deployment && bucket === undefined) {
    throw new UsageError(
      `The bucket ${deployment.bucket} was there before the stack and belongs to you: --delete-data leaves it alone. Leave the option out.`,
    );
  }

  /** Refuses, or answers whether there is something to stop. */
  const refuseWhatRuns = async (stateMachineArn: string): Promise<boolean> => {
    const running = await findRunning(clients, stateMachineArn);
    if (!isIdle(running) && !options.stopRunning) throw new UsageError(refusal(describeRunning(running)));
    return !isIdle(running);
  };
  const machine = deployment?.stateMachineArn;
  if (machine !== undefined) await refuseWhatRuns(machine);

  if (!json) process.stdout.write(`${announcement(names, resources, bucket, deleteData)}\n`);
  const question = `Remove this from account ${account} in ${region}?`;
  if (!(await isConfirmed(lifetime, question, yes))) throw new CommandFailed("Nothing was removed.");

  const steps: Step[] = stacks.map((stack) => ({
    title: `Stack ${stack.StackName}`,
    run: () => deleteStack(lifetime, clients, stack),
  }));
  if (machine !== undefined) {
    const run = async ({ status }: Reporter): Promise<void> => {
      // Again: an execution may have begun while the person was reading.
      if (await refuseWhatRuns(machine)) await stopRunning(lifetime, clients, machine, status);
    };
    steps.unshift({ title: "What runs", run });
    // A schedule may have started an execution while the stacks went.
    const endLate = async ({ title }: Reporter): Promise<void> => {
      const ids = await endClusters(clients, machine);
      if (ids.length > 0) title(`Clusters that began meanwhile: ${ids.join(", ")} ended`);
    };
    steps.push({ title: "Clusters that began meanwhile: none", run: endLate });
  }
  if (deleteData && bucket !== undefined) {
    const run = async ({ status, title }: Reporter): Promise<void> =>
      title(`Bucket ${bucket}: ${await deleteBucket(lifetime, clients, bucket, status)} objects deleted`);
    steps.push({ title: `Bucket ${bucket}`, run });
  }
  await runSteps(lifetime, steps, json);
  const kept = deleteData ? null : (bucket ?? null);
  if (json) process.stdout.write(`${JSON.stringify({ account, region, stacks: names, keptBucket: kept })}\n`);
  else if (kept !== null) process.stdout.write(`\nThe data are kept in s3://${kept}\n`);
}

function refusal(running: readonly string[]): string {
  return `This is needed by what runs now:\n${running.map((line) => `  ${line}`).join("\n")}\nWait for its end, or give --stop-running: it stops the executions, ends the clusters and waits for that first.`;
}

/** What is removed, by type, and what becomes of the data. */
function announcement(
  stacks: readonly string[],
  resources: readonly { readonly ResourceType?: string | undefined }[],
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
