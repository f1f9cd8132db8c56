import { setTimeout as sleep } from "node:timers/promises";
import {
  DeleteStackCommand,
  paginateDescribeStacks,
  paginateListImports,
  paginateListStackResources,
  type Stack,
  type StackResourceSummary,
} from "@aws-sdk/client-cloudformation";
import { DeleteBucketCommand, DeleteObjectsCommand, ListObjectVersionsCommand } from "@aws-sdk/client-s3";
import { isNamed } from "../../lambdas/aws/errors.ts";
import type { Clients } from "../account/aws-clients.ts";
import { CommandFailed } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { describeStack } from "./deployed-stacks.ts";

/** Marks the stacks of the app, infra/app.ts: a stack is deleted by what it bears, not by what it happens to be called. */
const stackTag = "orchard:app";
const deleteMinutes = 30;
const pollMs = 2_000;

/** The app's stacks in this account and region, in an order in which they can be deleted. */
export async function findStacks(clients: Clients): Promise<readonly Stack[]> {
  const found: Stack[] = [];
  for await (const { Stacks = [] } of paginateDescribeStacks({ client: clients.cloudFormation }, {})) {
    found.push(...Stacks.filter(({ Tags = [] }) => Tags.some(({ Key }) => Key === stackTag)));
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
      // What CloudFormation answers for an export that nobody imports.
      if (!isNamed(error, "ValidationError")) throw error;
    }
  }
  return found;
}

/**
 * A stack after all that import its exports, as CloudFormation insists on; otherwise the newest first. The age alone
 * does not do: a stack that was there may begin to import from a new one.
 *
 * @param importers names of the stacks that import from a stack, by its name
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
  stack: Stack,
): Promise<readonly StackResourceSummary[]> {
  const found: StackResourceSummary[] = [];
  const pages = paginateListStackResources({ client: cloudFormation }, { StackName: stack.StackName });
  for await (const { StackResourceSummaries = [] } of pages) found.push(...StackResourceSummaries);
  return found;
}

/**
 * Deletes a stack and waits for it. CloudFormation itself does it and not `cdk destroy`, which knows only the stacks
 * that the app would make with today's configuration.
 *
 * @throws CommandFailed with CloudFormation's reason
 */
export async function deleteStack(
  lifetime: Lifetime,
  clients: Clients,
  { StackName = "", StackId = StackName }: Stack,
): Promise<void> {
  const failed = (reason: string) => new CommandFailed(`The stack ${StackName} could not be deleted: ${reason}`);
  try {
    await clients.cloudFormation.send(new DeleteStackCommand({ StackName }));
  } catch (error) {
    throw isNamed(error, "ValidationError") ? failed(error.message) : error;
  }
  const deadline = Date.now() + deleteMinutes * 60_000;
  // Not the SDK's waiter: of a delete that is refused, for an export in use, CREATE_COMPLETE is left, which it waits on.
  for (; ; await sleep(pollMs, undefined, { signal: lifetime.signal })) {
    // By id: a deleted stack has no name any more.
    const stack = await describeStack(clients, StackId);
    if (!stack || stack.StackStatus === "DELETE_COMPLETE") return;
    const { StackStatus, StackStatusReason = "no reason given" } = stack;
    if (!StackStatus?.endsWith("_IN_PROGRESS")) throw failed(`${StackStatus}, ${StackStatusReason}`);
    if (Date.now() > deadline) throw failed(`${StackStatus} after ${deleteMinutes} minutes`);
  }
}

/** Deletes a bucket with all that is in it, old versions too. Returns the number of objects. */
export async function deleteBucket(
  lifetime: Lifetime,
  { s3 }: Clients,
  bucket: string,
  status: (line: string) => void,
): Promise<number> {
  for (let deleted = 0; ; ) {
    lifetime.signal.throwIfAborted();
    // Always the first page: what was on it is gone the next time.
    const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
    if (Objects.length === 0) {
      await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
      return deleted;
    }
    const { Errors = [] } = await s3.send(
      new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
    );
    const [first] = Errors;
    if (first) throw new CommandFailed(`s3://${bucket}/${first.Key} could not be deleted: ${first.Message}`);
    deleted += Objects.length;
    status(`${deleted} objects`);
  }
}
