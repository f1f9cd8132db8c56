import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve, sep } from "node:path";
import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import pMap from "p-map";
import { isNamed } from "../../lambdas/aws/errors.ts";
import { listObjects, type S3Location, type S3Object, s3UriOf } from "../../lambdas/aws/s3.ts";
import { hasCode } from "../../shared/system-errors.mjs";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";

const copiesAtOnce = 16;
/** Ending of a file that is not complete yet. */
const partialEnding = ".part";
/** An etag is the content's md5, unless it was uploaded in several parts, or with KMS's encryption. */
const md5Etag = /^[0-9a-f]{32}$/;

export interface CopyProgress {
  readonly files: number;
  readonly totalFiles: number;
  readonly bytes: number;
  readonly totalBytes: number;
}

export interface CopyOptions {
  /** Chooses objects by their keys, relative to the prefix. @default all */
  readonly isWanted?: (key: string) => boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CopyProgress) => void;
}

export interface Copied {
  /** All files that are now in the folder. */
  readonly files: number;
  readonly bytes: number;
  /** Those of them that an earlier copy had left. */
  readonly unchanged: number;
}

/**
 * Copies the objects below a prefix to a folder. A file that is there with the same size and checksum stays, so that an
 * interrupted copy goes on where it was. Each file appears under its name only when it is complete.
 *
 * @throws CommandFailed when an object changes or is deleted during the copy, or its name leads out of the folder;
 *   UsageError when the folder cannot be written
 */
export async function copyObjects(
  s3: S3Client,
  from: S3Location,
  folder: string,
  { isWanted = () => true, signal, onProgress = () => undefined }: CopyOptions = {},
): Promise<Copied> {
  const objects = (await listObjects(s3, from))
    .map((object) => ({ object, key: object.key.slice(from.key.length) }))
    .filter(({ key }) => key !== "" && !key.endsWith("/") && isWanted(key))
    .map(({ object, key }) => ({ object, path: pathIn(folder, key, object.key) }));
  const totalBytes = objects.reduce((sum, { object }) => sum + object.bytes, 0);
  let [files, bytes, unchanged] = [0, 0, 0];
  const failures: unknown[] = [];
  const stop = new AbortController();
  const anySignal = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  // The first failure ends the other copies before it is thrown, so that none of them goes on in the background.
  await pMap(
    objects,
    async ({ object, path }) => {
      if (anySignal.aborted) return;
      try {
        if (await isCopied(object, path)) unchanged += 1;
        else await copyObject(s3, from.bucket, object, path, anySignal);
        files += 1;
        bytes += object.bytes;
        onProgress({ files, totalFiles: objects.length, bytes, totalBytes });
      } catch (error) {
        failures.push(describeFailure(error, folder));
        stop.abort();
      }
    },
    { concurrency: copiesAtOnce },
  );
  signal?.throwIfAborted();
  if (failures.length > 0) throw failures[0];
  return { files, bytes, unchanged };
}

function describeFailure(error: unknown, folder: string): unknown {
  if (error instanceof Error && hasCode(error, "EACCES", "EPERM", "EROFS", "EEXIST", "ENOTDIR", "EISDIR"))
    return new UsageError(`${folder} cannot be written: ${error.message}. Choose another folder with --output.`);
  if (isNamed(error, "NoSuchKey"))
    return new CommandFailed("An object was deleted during the copy. Start the command again.");
  return error;
}

function pathIn(folder: string, key: string, fullKey: string): string {
  const path = resolve(folder, key);
  if (!path.startsWith(resolve(folder) + sep))
    throw new CommandFailed(`The key ${fullKey} points outside of ${folder}, so nothing was copied.`);
  return path;
}

async function isCopied({ bytes, etag }: S3Object, path: string): Promise<boolean> {
  try {
    if ((await stat(path)).size !== bytes) return false;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
  if (!md5Etag.test(etag)) return true;
  const md5 = createHash("md5");
  for await (const chunk of createReadStream(path)) md5.update(chunk);
  return md5.digest("hex") === etag;
}

async function copyObject(
  s3: S3Client,
  bucket: string,
  { key, bytes, etag }: S3Object,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const uri = s3UriOf({ bucket, key });
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}${partialEnding}`;
  try {
    const get = new GetObjectCommand({ Bucket: bucket, Key: key });
    const { Body, ServerSideEncryption } = await s3.send(get, { abortSignal: signal });
    if (!Body) throw new Error("S3 returned no body");
    const md5 = createHash("md5");
    let written = 0;
    const file = await open(partial, "w");
    try {
      for await (const chunk of Body.transformToWebStream()) {
        signal.throwIfAborted();
        md5.update(chunk);
        written += chunk.length;
        await file.write(chunk);
      }
    } finally {
      await file.close();
    }
    const hasMd5 = md5Etag.test(etag) && !ServerSideEncryption?.startsWith("aws:kms");
    if (written !== bytes || (hasMd5 && md5.digest("hex") !== etag))
      throw new CommandFailed(
        `${uri} has changed or was cut during the copy: ${written} bytes arrived instead of ${bytes}. Start the command again.`,
      );
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
