import { createHash } from "node:crypto";
import {
  type _Object,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import type { z } from "zod";
import { describeError, isNamed } from "./errors.ts";

/** A place on S3: a bucket, and a key or a prefix in it. */
export interface S3Location {
  readonly bucket: string;
  readonly key: string;
}

export interface S3Object {
  readonly key: string;
  readonly bytes: number;
  /** Without its quotes. */
  readonly etag: string;
}

function asObjects(contents: readonly _Object[] = []): readonly S3Object[] {
  return contents.flatMap(({ Key, Size = 0, ETag = "" }) =>
    Key ? [{ key: Key, bytes: Size, etag: ETag.replaceAll('"', "") }] : [],
  );
}

/** @throws Error when the text is no s3:// address */
export function parseS3Uri(uri: string): S3Location {
  const match = /^s3:\/\/([^/]+)\/(.*)$/s.exec(uri);
  if (match?.[1] === undefined || match[2] === undefined) throw new Error(`Not an s3:// address: ${uri}`);
  return { bucket: match[1], key: match[2] };
}

/** What lies directly under a prefix: the objects, and the "folders" with their trailing slash taken off. */
export async function listFolder(
  s3: S3Client,
  { bucket, key }: S3Location,
): Promise<{ readonly folders: readonly string[]; readonly objects: readonly S3Object[] }> {
  const folders: string[] = [];
  const objects: S3Object[] = [];
  let token: string | undefined;
  do {
    const page = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: key, Delimiter: "/", ContinuationToken: token }),
    );
    for (const { Prefix } of page.CommonPrefixes ?? []) if (Prefix) folders.push(Prefix.slice(key.length, -1));
    objects.push(...asObjects(page.Contents));
    token = page.NextContinuationToken;
  } while (token);
  return { folders, objects };
}

/** Every object under a prefix, however deep, up to `limit` of them. */
export async function listObjects(
  s3: S3Client,
  { bucket, key }: S3Location,
  limit = Number.POSITIVE_INFINITY,
): Promise<readonly S3Object[]> {
  const objects: S3Object[] = [];
  let token: string | undefined;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: key, ContinuationToken: token }));
    objects.push(...asObjects(page.Contents));
    token = page.NextContinuationToken;
  } while (token && objects.length < limit);
  return objects.slice(0, limit);
}

/** Needs s3:ListBucket: without it S3 answers 403 for an absent key, and that is thrown. */
export async function objectExists(s3: S3Client, { bucket, key }: S3Location): Promise<boolean> {
  try {
    await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    return true;
  } catch (error) {
    if (isNamed(error, "NotFound", "NoSuchKey")) return false;
    throw error;
  }
}

function bodyOf(answer: GetObjectCommandOutput): NonNullable<GetObjectCommandOutput["Body"]> {
  if (!answer.Body) throw new Error("S3 answered without a body");
  return answer.Body;
}

/** @throws NoSuchKey */
export async function readBytes(s3: S3Client, { bucket, key }: S3Location, range?: string): Promise<Uint8Array> {
  const answer = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: range }));
  return bodyOf(answer).transformToByteArray();
}

/** An object that is there and is not the JSON that it should be. */
export class MalformedObject extends Error {
  override readonly name = "MalformedObject";
}

/** @throws NoSuchKey, or MalformedObject when it is not the JSON that the schema describes */
export async function readJson<T>(s3: S3Client, location: S3Location, schema: z.ZodType<T>): Promise<T> {
  const text = new TextDecoder().decode(await readBytes(s3, location));
  const name = `s3://${location.bucket}/${location.key}`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MalformedObject(`${name} is no JSON: ${describeError(error)}`, { cause: error });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new MalformedObject(`${name} is not what it should be: ${problems.join("; ")}`);
}

export async function writeJson(s3: S3Client, { bucket, key }: S3Location, value: unknown): Promise<void> {
  const Body = `${JSON.stringify(value, null, 2)}\n`;
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body, ContentType: "application/json" }));
}

/** Hexadecimal sha256 of an object's content, streamed. @throws NoSuchKey */
export async function objectSha256(s3: S3Client, { bucket, key }: S3Location): Promise<string> {
  const answer = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const hash = createHash("sha256");
  for await (const chunk of bodyOf(answer).transformToWebStream()) hash.update(chunk);
  return hash.digest("hex");
}

/** Hexadecimal sha256. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
