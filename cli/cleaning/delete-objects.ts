import { DeleteObjectCommand, DeleteObjectsCommand, type ObjectIdentifier, type S3Client } from "@aws-sdk/client-s3";
import { s3UriOf } from "../../lambdas/aws/s3.ts";
import { CommandFailed } from "../terminal/command-errors.ts";

/** Limit of DeleteObjects. */
const keysPerDelete = 1_000;

interface DeleteOptions {
  readonly signal?: AbortSignal;
  /** Called with the number of objects that are deleted so far. */
  readonly onProgress?: (deleted: number) => void;
}

/** Whether DeleteObjects can send a key: its XML 1.0 cannot represent every character. */
function fitsXml({ Key = "" }: ObjectIdentifier): boolean {
  return /^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u.test(Key);
}

/**
 * Deletes objects, or the versions that are named.
 *
 * @throws CommandFailed with the first object that S3 did not delete
 */
export async function deleteObjects(
  s3: S3Client,
  bucket: string,
  objects: readonly ObjectIdentifier[],
  { signal, onProgress = () => undefined }: DeleteOptions = {},
): Promise<void> {
  let deleted = 0;
  const inBatches = objects.filter(fitsXml);
  for (let start = 0; start < inBatches.length; start += keysPerDelete) {
    signal?.throwIfAborted();
    const Objects = inBatches.slice(start, start + keysPerDelete);
    const { Errors = [] } = await s3.send(
      new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
    );
    const [first] = Errors;
    if (first) {
      const others = Errors.length > 1 ? `, nor ${Errors.length - 1} others` : "";
      const uri = s3UriOf({ bucket, key: first.Key ?? "" });
      throw new CommandFailed(`${uri} could not be deleted${others}: ${first.Message}`);
    }
    deleted += Objects.length;
    onProgress(deleted);
  }
  for (const { Key, VersionId } of objects.filter((object) => !fitsXml(object))) {
    signal?.throwIfAborted();
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key, VersionId }));
    deleted += 1;
    onProgress(deleted);
  }
}
