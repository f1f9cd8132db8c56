import { setTimeout as sleep } from "node:timers/promises";
import {
  DeleteStackCommand,
  paginateDescribeStacks,
  paginateListImports,
  paginateListStackResources,
  type Stack,
  type StackResourceSummary,
} from "@aws-sdk/client-cloudformation";
import { DeleteBucketCommand, ListObjectVersionsCommand } from "@aws-sdk/client-s3";
import { isNamed } from "../../lambdas/aws/errors.ts";
import { appTag } from "../../lambdas/contract/tags.ts";
import { waitUntil } from "../../shared/wait-until.ts";
import type { Clients } from "../account/aws-clients.ts";
import { deleteObjects } from "../cleaning/delete-objects.ts";
import { CommandFailed } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { describeStack, liftProtection } from "./deployed-stacks.ts";

const deleteMinutes = 30;
/** The time for which a deletion is repeated because of network interfaces. Assumed, because EMR documents no time. */
const releaseMinutes = 20;
/** EC2's errors for a security group, subnet or VPC that a network interface still uses; their code is not always shown. */
const isStillAttached = /DependencyViolation|dependent object|has dependencies|network interface|currently in use/i;

/**
 * Finds this application's stacks in the account and region by their tag, in an order in which they can be deleted.
 */
export async function findStacks(clients: Clients): Promise<readonly Stack[]> {
  const found: Stack[] = [];
  for await (const { Stacks = [] } of paginateDescribeStacks({ client: clients.cloudFormation }, {})) {
    found.push(...Stacks.filter(({ Tags = [] }) => Tags.some(({ Key }) => Key === appTag)));
  }
  const importers = new Map<string, readonly string[]>();
  for (const stack of found) importers.set(stack.StackName ?? "", await importersOf(clients, stack));
  return importersFirst(found, importers);
}

async function importersOf({ cloudFormation }: Clients, { Outputs = [] }: Stack): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { ExportName } of Outputs) {
    if (ExportName === undefined) continue;
    try {
      const pages = paginateListImports({ client: cloudFormation }, { ExportName });
      for await (const { Imports = [] } of pages) found.push(...Imports);
    } catch (error) {
      // CloudFormation answers with this error if no stack imports the export.
      if (!isNamed(error, "ValidationError")) throw error;
    }
  }
  return found;
}

/**
 * Orders stacks for deletion: the importers of a stack's exports first, as CloudFormation demands, otherwise the newest
 * first. The age alone is not enough, because an older stack may import from a newer one.
 *
 * @param importers names of the stacks that import from a stack, by the stack's name
 */
export function importersFirst(
  stacks: readonly Stack[],
  importers: ReadonlyMap<string, readonly string[]>,
): readonly Stack[] {
  const newestFirst = [...stacks].sort((a, b) => Number(b.CreationTime) - Number(a.CreationTime));
  const seen = new Set<Stack>();
  const after = (stack: Stack): readonly Stack[] => {
    if (seen.has(stack)) return [];
    seen.add(stack);
    const names = importers.get(stack.StackName ?? "") ?? [];
    const earlier = newestFirst.filter(({ StackName = "" }) => names.includes(StackName));
    return [...earlier.flatMap(after), stack];
  };
  return newestFirst.flatMap(after);
}

export async function listResources(
  { cloudFormation }: Clients,
  stack: Pick<Stack, "StackName">,
): Promise<readonly StackResourceSummary[]> {
  const found: StackResourceSummary[] = [];
  const pages = paginateListStackResources({ client: cloudFormation }, { StackName: stack.StackName });
  for await (const { StackResourceSummaries = [] } of pages) found.push(...StackResourceSummaries);
  return found;
}

/** Pauses of a deletion, in ms. */
interface Pauses {
  readonly pollMs: number;
  readonly retryMs: number;
}

/**
 * Lifts a stack's termination protection, deletes the stack, and waits until it is gone. This does not use `cdk destroy`,
 * which only knows the stacks of the current configuration. A deletion that fails because of EMR's network interfaces is
 * tried again, because EMR releases them some minutes after a cluster's end.
 *
 * @param log receives the current activity
 * @throws CommandFailed with CloudFormation's reason
 */
export async function deleteStack(
  lifetime: Lifetime,
  clients: Clients,
  stack: Stack,
  log: (line: string) => void,
  pauses: Pauses = { pollMs: 2_000, retryMs: 30_000 },
): Promise<void> {
  await liftProtection(clients, stack);
  const deadline = Date.now() + releaseMinutes * 60_000;
  for (;;) {
    const reason = await tryDeletion(lifetime, clients, stack, pauses.pollMs);
    if (reason === undefined) return;
    if (!isStillAttached.test(reason) || Date.now() >= deadline) {
      throw new CommandFailed(`The stack ${stack.StackName} could not be deleted: ${reason}`);
    }
    log(`waits until EMR has released its network interfaces, then deletes again: ${reason}`);
    await sleep(pauses.retryMs, undefined, { signal: lifetime.signal });
  }
}

/** @returns why the stack could not be deleted; undefined when it is gone */
async function tryDeletion(
  lifetime: Lifetime,
  clients: Clients,
  stack: Stack,
  everyMs: number,
): Promise<string | undefined> {
  const { StackName = "", StackId = StackName } = stack;
  try {
    await clients.cloudFormation.send(new DeleteStackCommand({ StackName }));
  } catch (error) {
    if (isNamed(error, "ValidationError")) return error.message;
    throw error;
  }
  let status: string | undefined;
  let reason: string | undefined;
  // The SDK's waiter would wait in vain when CloudFormation refuses the deletion and the stack stays CREATE_COMPLETE.
  const hasEnded = async (): Promise<boolean> => {
    const current = await describeStack(clients, StackId);
    status = current?.StackStatus;
    if (!current || status === "DELETE_COMPLETE") return true;
    if (status?.endsWith("_IN_PROGRESS")) return false;
    const resources = status === "DELETE_FAILED" ? await failedResources(clients, current) : [];
    reason = [`${status}, ${current.StackStatusReason ?? "no reason given"}`, ...resources].join("; ");
    return true;
  };
  const timeoutMs = deleteMinutes * 60_000;
  if (await waitUntil(hasEnded, { everyMs, timeoutMs, signal: lifetime.signal })) return reason;
  return `${status} after ${deleteMinutes} minutes`;
}

/** Collects the reasons of the resources that were not deleted, because the stack's own reason only names them. */
async function failedResources(clients: Clients, stack: Stack): Promise<readonly string[]> {
  return (await listResources(clients, stack))
    .filter(({ ResourceStatus }) => ResourceStatus === "DELETE_FAILED")
    .map(
      ({ LogicalResourceId, ResourceStatusReason = "no reason given" }) =>
        `${LogicalResourceId}: ${ResourceStatusReason}`,
    );
}

/**
 * Deletes a bucket and all versions of its objects.
 *
 * @param log receives the progress
 * @returns number of deleted versions
 */
export async function deleteBucket(
  lifetime: Lifetime,
  { s3 }: Clients,
  bucket: string,
  log: (line: string) => void,
): Promise<number> {
  for (let deleted = 0; ; ) {
    lifetime.signal.throwIfAborted();
    // Always read the first page, because its objects are deleted before the next request.
    const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
    if (Objects.length === 0) {
      await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
      return deleted;
    }
    await deleteObjects(s3, bucket, Objects);
    deleted += Objects.length;
    log(`${deleted} objects`);
  }
}
