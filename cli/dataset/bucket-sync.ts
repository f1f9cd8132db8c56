import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import pMap from "p-map";
import { listObjects as listBucket, type S3Object } from "../../lambdas/aws/s3.ts";
import { hasImageEnding, quoteName } from "../../lambdas/contract/image-tree.ts";
import { isSystemError } from "../../shared/system-errors.mjs";
import { deleteObjects } from "../cleaning/delete-objects.ts";
import { CommandFailed } from "../terminal/command-errors.ts";
import { type TransferOptions, transferAll } from "../terminal/transfer.ts";
import type { LocalFile } from "./image-tree.ts";

const readsAtOnce = 16;

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
 * @param onCompared is called with the number of files that have been compared
 */
export async function planSync(
  local: readonly LocalFile[],
  remote: readonly RemoteFile[],
  md5: (path: string) => Promise<string>,
  onCompared: (files: number) => void = () => undefined,
): Promise<SyncPlan> {
  const storedByKey = new Map(remote.map((file) => [file.key, file]));
  const localKeys = new Set(local.map(({ key }) => key));
  let compared = 0;
  const isNew = await pMap(
    local,
    async ({ key, path, bytes }) => {
      const stored = storedByKey.get(key);
      const differs = stored?.bytes !== bytes || stored.etag !== (await md5(path));
      compared += 1;
      onCompared(compared);
      return differs;
    },
    { concurrency: readsAtOnce },
  );
  const upload = local.filter((_, index) => isNew[index]);
  return {
    upload,
    unchanged: local.length - upload.length,
    remove: remote.filter(({ key }) => !localKeys.has(key)),
    stored: remote.filter(({ key }) => hasImageEnding(key)).length,
  };
}

/** @throws CommandFailed that names the file */
async function readImage(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    // It was removed, or its permissions were, since the folder was read.
    if (isSystemError(error)) throw new CommandFailed(`The image ${quoteName(path)} cannot be read: ${error.message}`);
    throw error;
  }
}

export async function md5OfFile(path: string): Promise<string> {
  return createHash("md5")
    .update(await readImage(path))
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
  onCompared?: (files: number) => void,
): Promise<SyncPlan> {
  return planSync(local, await listObjects(s3, bucket, prefix), md5OfFile, onCompared);
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
  parquet: "application/vnd.apache.parquet",
  json: "application/json",
};

function contentType(key: string): string {
  return contentTypes[key.split(".").at(-1)?.toLowerCase() ?? ""] ?? "image/jpeg";
}

/**
 * Uploads a file below the prefix. S3 stores an object as a whole or not at all, and checks the checksum that the SDK
 * sends with it.
 *
 * @returns the object's etag
 * @throws CommandFailed that names a file which cannot be read
 */
export async function uploadFile(
  s3: S3Client,
  { key, path }: Pick<LocalFile, "key" | "path">,
  { bucket, prefix }: SyncTarget,
  signal: AbortSignal,
): Promise<string> {
  const put = { Bucket: bucket, Key: prefix + key, Body: await readImage(path), ContentType: contentType(key) };
  const { ETag = "" } = await s3.send(new PutObjectCommand(put), { abortSignal: signal });
  return ETag.replaceAll('"', "");
}

/** Uploads files below the prefix, several at once. @throws CommandFailed that names a file which cannot be read */
export function uploadFiles(
  s3: S3Client,
  files: readonly LocalFile[],
  target: SyncTarget,
  options: TransferOptions,
): Promise<void> {
  const upload = async (file: LocalFile, signal: AbortSignal): Promise<void> => {
    await uploadFile(s3, file, target, signal);
  };
  return transferAll(files, upload, options);
}

/**
 * Deletes objects below the prefix. S3 reports success even for a missing key, so checkBucket has to follow.
 *
 * @throws CommandFailed when S3 refuses to delete an object
 */
export async function removeFiles(
  s3: S3Client,
  files: readonly RemoteFile[],
  { bucket, prefix }: SyncTarget,
): Promise<void> {
  if (files.length === 0) return;
  const keys = files.map(({ key }) => key);
  await deleteObjects(
    s3,
    bucket,
    keys.map((key) => ({ Key: prefix + key })),
  );
}

interface Expected {
  /** Files that the bucket must have. An etag is compared only if it is known. */
  readonly files: readonly (Pick<LocalFile, "key" | "bytes"> & { readonly etag?: string })[];
  /** Objects that were deleted. */
  readonly removed: readonly RemoteFile[];
  /** @default "images" */
  readonly unit?: string;
}

/**
 * Lists the bucket and compares it with what was uploaded and removed.
 *
 * @throws CommandFailed when a file is missing or has another size or etag, or an object is still there
 */
export async function checkBucket(
  s3: S3Client,
  { files, removed, unit = "images" }: Expected,
  { bucket, prefix }: SyncTarget,
): Promise<void> {
  const there = new Map((await listObjects(s3, bucket, prefix)).map((object) => [object.key, object]));
  const uri = `s3://${bucket}/${prefix}`;
  const wrong = files.filter(({ key, bytes, etag }) => {
    const found = there.get(key);
    return found?.bytes !== bytes || (etag !== undefined && found.etag !== etag);
  });
  if (wrong[0])
    throw new CommandFailed(
      `${wrong.length} of ${files.length} ${unit} are not in ${uri}, or not with the size and content that they had, such as ${quoteName(wrong[0].key)}: something has changed them or removed them during the upload. Start the command again.`,
    );
  const left = removed.filter(({ key }) => there.has(key));
  if (left[0])
    throw new CommandFailed(
      `${left.length} old ${unit} are still in ${uri}, although S3 reported that it deleted them: ${quoteName(left[0].key)}`,
    );
}
