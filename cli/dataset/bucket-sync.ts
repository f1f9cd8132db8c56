import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { DeleteObjectCommand, DeleteObjectsCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import pMap from "p-map";
import { listObjects as listBucket, type S3Object } from "../../lambdas/aws/s3.ts";
import { hasImageEnding, quoteName } from "../../lambdas/contract/image-tree.ts";
import { CommandFailed } from "../terminal/command-errors.ts";
import type { LocalFile } from "./image-tree.ts";

const uploadsAtOnce = 16;
/** Limit of DeleteObjects. */
const keysPerDelete = 1_000;

/** An object, with its key relative to a prefix. The etag is the content's md5 when a single PutObject wrote it. */
export type RemoteFile = S3Object;

export interface SyncPlan {
  readonly upload: readonly LocalFile[];
  readonly unchanged: number;
  /** Objects in the bucket that the dataset does not contain. */
  readonly remove: readonly RemoteFile[];
  /** Number of images in the bucket. */
  readonly stored: number;
}

/**
 * Determines the uploads and deletions that make the bucket equal to the dataset. Only files whose size equals that of
 * their object are read, to compare the md5.
 *
 * @param md5 computes the hexadecimal digest of a local file
 */
export async function planSync(
  local: readonly LocalFile[],
  remote: readonly RemoteFile[],
  md5: (path: string) => Promise<string>,
): Promise<SyncPlan> {
  const storedByKey = new Map(remote.map((file) => [file.key, file]));
  const localKeys = new Set(local.map(({ key }) => key));
  const isNew = await pMap(
    local,
    async ({ key, path, bytes }) => {
      const stored = storedByKey.get(key);
      return stored?.bytes !== bytes || stored.etag !== (await md5(path));
    },
    { concurrency: uploadsAtOnce },
  );
  const upload = local.filter((_, index) => isNew[index]);
  return {
    upload,
    unchanged: local.length - upload.length,
    remove: remote.filter(({ key }) => !localKeys.has(key)),
    stored: remote.filter(({ key }) => hasImageEnding(key)).length,
  };
}

export async function md5OfFile(path: string): Promise<string> {
  return createHash("md5")
    .update(await readFile(path))
    .digest("hex");
}

/** Lists all objects under a prefix, with keys relative to it. */
export async function listObjects(s3: S3Client, bucket: string, prefix: string): Promise<readonly RemoteFile[]> {
  const objects = await listBucket(s3, { bucket, key: prefix });
  return objects.map((object) => ({ ...object, key: object.key.slice(prefix.length) }));
}

/** Where images are stored; the prefix ends with a slash. */
export interface SyncTarget {
  readonly bucket: string;
  readonly prefix: string;
}

/** Compares a dataset with the bucket. */
export async function compareWithBucket(
  s3: S3Client,
  local: readonly LocalFile[],
  { bucket, prefix }: SyncTarget,
): Promise<SyncPlan> {
  return planSync(local, await listObjects(s3, bucket, prefix), md5OfFile);
}

interface UploadOptions extends SyncTarget {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

const contentTypes: Readonly<Record<string, string>> = {
  png: "image/png",
  webp: "image/webp",
  bmp: "image/bmp",
  tif: "image/tiff",
  tiff: "image/tiff",
  gif: "image/gif",
  avif: "image/avif",
  heic: "image/heic",
  heif: "image/heif",
};

function contentType(key: string): string {
  return contentTypes[key.split(".").at(-1)?.toLowerCase() ?? ""] ?? "image/jpeg";
}

/** Uploads files below the prefix. */
export async function uploadFiles(
  s3: S3Client,
  files: readonly LocalFile[],
  { bucket, prefix, signal, onProgress }: UploadOptions,
): Promise<void> {
  let done = 0;
  onProgress(done, files.length);
  await pMap(
    files,
    async ({ key, path }) => {
      signal.throwIfAborted();
      const put = { Bucket: bucket, Key: prefix + key, Body: await readFile(path), ContentType: contentType(key) };
      await s3.send(new PutObjectCommand(put), { abortSignal: signal });
      done += 1;
      onProgress(done, files.length);
    },
    { concurrency: uploadsAtOnce },
  );
}

/** Whether DeleteObjects can send a key: its XML 1.0 cannot represent every character. */
function fitsXml(key: string): boolean {
  return /^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u.test(key);
}

/**
 * Deletes objects below the prefix and verifies that they are gone, because S3 reports success even for a missing key.
 *
 * @throws CommandFailed when an object is still there
 */
export async function removeFiles(
  s3: S3Client,
  files: readonly RemoteFile[],
  { bucket, prefix }: SyncTarget,
): Promise<void> {
  if (files.length === 0) return;
  const keys = files.map(({ key }) => key);
  const inBatches = keys.filter(fitsXml);
  for (let start = 0; start < inBatches.length; start += keysPerDelete) {
    const Objects = inBatches.slice(start, start + keysPerDelete).map((key) => ({ Key: prefix + key }));
    const { Errors = [] } = await s3.send(
      new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
    );
    const [first] = Errors;
    if (first)
      throw new CommandFailed(`${Errors.length} old images could not be removed: ${first.Key} ${first.Message}`);
  }
  for (const key of keys.filter((each) => !fitsXml(each)))
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: prefix + key }));
  const there = new Set((await listObjects(s3, bucket, prefix)).map(({ key }) => key));
  const left = keys.filter((key) => there.has(key));
  const [first] = left;
  if (first !== undefined)
    throw new CommandFailed(
      `${left.length} old images are still in s3://${bucket}/${prefix}, although S3 reported that it deleted them: ${quoteName(first)}`,
    );
}
