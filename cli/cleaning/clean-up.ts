import { quoteName } from "../../lambdas/contract/image-tree.ts";
import { plural } from "../../shared/formatting.ts";
import { endAliveClusters } from "../execution/alive-clusters.ts";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps, type Step } from "../terminal/progress-steps.ts";
import { readActivity } from "./activity.ts";
import type { BucketChoice } from "./bucket-parts.ts";
import type { Account, CleanPlan } from "./clean-plan.ts";
import { deleteLocalFolders } from "./local-files.ts";
import { deleteStored, findLeft, listStored } from "./stored-objects.ts";

/**
 * Looks again at what runs, because the person may have thought about the answer for long.
 *
 * @throws UsageError when a run has started since the plan was made
 */
export async function requireNoNewRun({ clients, deployment }: Account, { activity }: CleanPlan): Promise<void> {
  const { runs } = await readActivity(clients, deployment);
  const started = runs.filter((run) => !activity?.runs.includes(run));
  if (started.length === 0) return;
  throw new UsageError(
    `${started.join(", ")} has started meanwhile and may need some of it, so nothing was deleted. Start orchard clean again.`,
  );
}

/**
 * Deletes everything in a plan, and checks that it is gone.
 *
 * @param account undefined when only local files are chosen
 * @param quiet shows no progress
 * @throws CommandFailed naming what is still there
 */
export async function cleanUp(
  lifetime: Lifetime,
  account: Account | undefined,
  { clusters = [], bucket, localFiles = [] }: CleanPlan,
  quiet: boolean,
): Promise<void> {
  const steps: Step[] = [];
  if (account && clusters.length > 0) {
    const ids = clusters.map(({ id }) => id);
    const run = async ({ status }: Reporter): Promise<void> => {
      const { clients, deployment } = account;
      await endAliveClusters(lifetime, clients, deployment?.stateMachineArn, status, ({ id }) => ids.includes(id));
    };
    steps.push({ title: `Clusters ${ids.join(", ")}`, run });
  }
  for (const choice of bucket.filter(({ objects }) => objects.length > 0)) {
    const run = async (reporter: Reporter): Promise<void> => deletePart(lifetime, account, choice, reporter);
    steps.push({ title: `Deleting ${choice.part}`, run });
  }
  if (localFiles.length > 0) steps.push({ title: "Local files", run: () => deleteLocalFolders(localFiles) });
  await runSteps(lifetime, steps, quiet);
}

async function deletePart(
  { signal }: Lifetime,
  account: Account | undefined,
  { part, prefixes, objects }: BucketChoice,
  { status, title }: Reporter,
): Promise<void> {
  if (!account?.deployment) throw new Error("Objects were chosen without a bucket");
  const { bucket } = account.deployment;
  const { s3 } = account.clients;
  await deleteStored(s3, bucket, objects, { signal, onProgress: (deleted) => status(`${deleted} versions`) });
  const listed = await Promise.all(prefixes.map((key) => listStored(s3, { bucket, key })));
  const left = findLeft(objects, listed.flat());
  const [first] = left;
  if (first) {
    throw new CommandFailed(
      `${left.length} objects are still in s3://${bucket}, although S3 reported that it deleted them: ${quoteName(first.key)}`,
    );
  }
  title(`Deleted ${part}: ${plural(objects.length, "object")}`);
}
