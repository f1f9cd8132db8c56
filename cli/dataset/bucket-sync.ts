import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { DeleteObjectsCommand, PutObjectCommand, paginateListObjectsV2, type S3Client } from "@aws-sdk/client-s3";
import pMap from "p-map";
import { CommandFailed } from "../terminal/command-errors.ts";
import type { LocalFile } from "./image-tree.ts";

const uploadsAtOnce = 16;
/** Limit of DeleteObjects. */
const keysPerDelete = 1_000;

export interface RemoteFile {
  readonly key: string;
  readonly bytes: number;
  /** Without quotes. It is the content's md5 when a single PutObject wrote the object. */
  readonly etag: string;
}

export interface SyncPlan {
  readonly upload: readonly LocalFile[];
  readonly unchanged: number;
  /** Keys in the bucket that the dataset does not contain. */
  readonly remove: readonly string[];
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
    remove: remote.map(({ key }) => key).filter((key) => !localKeys.has(key)),
  };
}

async function md5OfFile(path: string): Promise<string> {
  return createHash("md5")
    .update(await readFile(path))
    .digest("hex");
}

/** Lists all objects under a prefix, with keys relative to it. */
export async function listObjects(s3: S3Client, bucket: string, prefix: string): Promise<readonly RemoteFile[]> {
  const files: RemoteFile[] = [];
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: prefix })) {
    for (const { Key = "", Size = 0, ETag = "" } of page.Contents ?? []) {
      files.push({ key: Key.slice(prefix.length), bytes: Size, etag: ETag.replaceAll('"', "") });
    }
  }
  return files;
}

interface SyncOptions {
  readonly bucket: string;
  /** Ends with a slash. */
  readonly prefix: string;
  /** Also deletes the objects that the dataset does not contain. */
  readonly remove: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

export interface SyncResult {
  readonly uploaded: number;
  readonly unchanged: number;
  readonly removed: number;
}

function contentType(key: string): string {
  return /\.png$/i.test(key) ? "image/png" : "image/jpeg";
}

/**
 * Uploads new and changed files below the prefix, and deletes other objects on request.
 *
 * @throws CommandFailed when an object cannot be deleted
 */
export async function syncToBucket(
  s3: S3Client,
  local: readonly LocalFile[],
  { bucket, prefix, remove, signal, onProgress }: SyncOptions,
): Promise<SyncResult> {
  const plan = await planSync(local, await listObjects(s3, bucket, prefix), md5OfFile);
  const removed = remove ? plan.remove : [];
  let done = 0;
  onProgress(done, plan.upload.length);
  await pMap(
    plan.upload,
    async ({ key, path }) => {
      signal.throwIfAborted();
      const put = { Bucket: bucket, Key: prefix + key, Body: await readFile(path), ContentType: contentType(key) };
      await s3.send(new PutObjectCommand(put), { abortSignal: signal });
      done += 1;
      onProgress(done, plan.upload.length);
    },
    { concurrency: uploadsAtOnce },
  );
  for (let start = 0; start < removed.length; start += keysPerDelete) {
    const Objects = removed.slice(start, start + keysPerDelete).map((key) => ({ Key: prefix + key }));
    const { Errors = [] } = await s3.send(
      new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
    );
    const [first] = Errors;
    if (first)
      throw new CommandFailed(`${Errors.length} old images could not be removed: ${first.Key} ${first.Message}`);
  }
  return { uploaded: plan.upload.length, unchanged: plan.unchanged, removed: removed.length };
}
