import {
  DeleteStackCommand,
  paginateDescribeStacks,
  paginateListStackResources,
  type Stack,
  type StackResourceSummary,
  waitUntilStackDeleteComplete,
} from "@aws-sdk/client-cloudformation";
import { DeleteBucketCommand, DeleteObjectsCommand, ListObjectVersionsCommand } from "@aws-sdk/client-s3";
import type { Clients } from "./clients.ts";
import { CommandFailed } from "./errors.ts";
import type { Lifetime } from "./lifetime.ts";

/** Marks the stacks of the app, infra/app.ts: a stack is deleted by what it bears, not by what it happens to be called. */
const STACK_TAG = "orchard:app";
const DELETE_MINUTES = 30;

/** The app's stacks in this account and region, the newest first: one that uses another's outputs was created after it. */
export const findStacks = async ({ cloudFormation }: Clients): Promise<readonly Stack[]> => {
  const found: Stack[] = [];
  for await (const { Stacks = [] } of paginateDescribeStacks({ client: cloudFormation }, {})) {
    found.push(...Stacks.filter(({ Tags = [] }) => Tags.some(({ Key }) => Key === STACK_TAG)));
  }
  return found.sort((a, b) => Number(b.CreationTime) - Number(a.CreationTime));
};

export const listResources = async (
  { cloudFormation }: Clients,
  stack: Stack,
): Promise<readonly StackResourceSummary[]> => {
  const found: StackResourceSummary[] = [];
  const pages = paginateListStackResources({ client: cloudFormation }, { StackName: stack.StackName });
  for await (const { StackResourceSummaries = [] } of pages) found.push(...StackResourceSummaries);
  return found;
};

/**
 * Deletes a stack and waits for it. CloudFormation itself does it and not `cdk destroy`, which knows only the stacks
 * that the app would make with today's configuration.
 *
 * @throws CommandFailed with CloudFormation's reason
 */
export const deleteStack = async (
  lifetime: Lifetime,
  { cloudFormation }: Clients,
  { StackName, StackId }: Stack,
): Promise<void> => {
  await cloudFormation.send(new DeleteStackCommand({ StackName }));
  const waiting = { client: cloudFormation, maxWaitTime: DELETE_MINUTES * 60, minDelay: 1, maxDelay: 10 };
  try {
    // By id: a deleted stack has no name any more.
    await waitUntilStackDeleteComplete({ ...waiting, abortSignal: lifetime.signal }, { StackName: StackId });
  } catch (error) {
    lifetime.signal.throwIfAborted();
    throw new CommandFailed(
      `The stack ${StackName} could not be deleted: ${error instanceof Error ? error.message : error}`,
    );
  }
};

/** Deletes a bucket with all that is in it, old versions too. Returns the number of objects. */
export const deleteBucket = async (
  lifetime: Lifetime,
  { s3 }: Clients,
  bucket: string,
  status: (line: string) => void,
): Promise<number> => {
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
};
