import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve, sep } from "node:path";
import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { isNamed } from "../../lambdas/aws/errors.ts";
import { listObjects, type S3Location, type S3Object, s3UriOf } from "../../lambdas/aws/s3.ts";
import { hasCode } from "../../shared/system-errors.mjs";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import { bytesOf, type TransferOptions, transferAll } from "../terminal/transfer.ts";

/** Ending of a file that is not complete yet. */
const partialEnding = ".part";
/** An etag is the content's md5, unless it was uploaded in several parts, or with KMS's encryption. */
const md5Etag = /^[0-9a-f]{32}$/;

export interface CopyOptions extends TransferOptions {
  /** Chooses objects by their keys, relative to the prefix. @default all */
  readonly isWanted?: (key: string) => boolean;
}

export interface Copied {
  /** All files that are now in the folder. */
  readonly files: number;
  readonly bytes: number;
  /** Files that were there already, from an earlier copy. */
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
  { isWanted = () => true, ...options }: CopyOptions = {},
): Promise<Copied> {
  const objects = (await listObjects(s3, from))
    .map((object) => ({ ...object, relative: object.key.slice(from.key.length) }))
    .filter(({ relative }) => relative !== "" && !relative.endsWith("/") && isWanted(relative))
    .map(({ relative, ...object }) => ({ ...object, path: pathIn(folder, relative, object.key) }));
  let unchanged = 0;
  const copy = async ({ path, ...object }: (typeof objects)[number], signal: AbortSignal): Promise<void> => {
    try {
      if (await isCopied(object, path)) unchanged += 1;
      else await copyObject(s3, from.bucket, object, path, signal);
    } catch (error) {
      throw describeFailure(error, folder);
    }
  };
  await transferAll(objects, copy, options);
  return { files: objects.length, bytes: bytesOf(objects), unchanged };
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
