import { createHash } from "node:crypto";
import querystring from "node:querystring";
import { Readable } from "node:stream";
import {
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from "@aws-sdk/client-s3";
import type { z } from "zod";
import { describeError, isNamed } from "./errors.ts";

/** A bucket, and a key or a prefix in it. */
export interface S3Location {
  readonly bucket: string;
  readonly key: string;
}

export interface S3Object {
  readonly key: string;
  readonly bytes: number;
  /** Without the quotes. */
  readonly etag: string;
  readonly storageClass?: string;
  /** In whole seconds. */
  readonly modified?: Date;
}

/** A page of a listing: up to 1,000 objects and, with a delimiter, "folders". */
export interface S3Page {
  /** Names of the folders directly under the prefix, without the trailing slash. */
  readonly folders: readonly string[];
  readonly objects: readonly S3Object[];
  readonly isLast: boolean;
}

/**
 * XML has no way to write most control characters, and its readers turn a carriage return into a line feed. S3 therefore
 * encodes keys on request, like a form: a space as a plus sign.
 */
export const encodedKeys = { EncodingType: "url" } as const;

export function decodeKey(key: string, encoding: string | undefined): string {
  return encoding === "url" ? querystring.unescape(key.replaceAll("+", " ")) : key;
}

function asObjects({ Contents = [], EncodingType }: ListObjectsV2CommandOutput): readonly S3Object[] {
  return Contents.flatMap(({ Key, Size = 0, ETag = "", StorageClass, LastModified }) => {
    if (!Key) return [];
    return [
      {
        key: decodeKey(Key, EncodingType),
        bytes: Size,
        etag: ETag.replaceAll('"', ""),
        ...(StorageClass === undefined ? {} : { storageClass: StorageClass }),
        ...(LastModified === undefined ? {} : { modified: LastModified }),
      },
    ];
  });
}

export function s3UriOf({ bucket, key }: S3Location): string {
  return `s3://${bucket}/${key}`;
}

/** @throws Error if the text is not an s3:// URI */
export function parseS3Uri(uri: string): S3Location {
  const match = /^s3:\/\/([^/]+)\/(.*)$/s.exec(uri);
  if (match?.[1] === undefined || match[2] === undefined) throw new Error(`Not an s3:// URI: ${uri}`);
  return { bucket: match[1], key: match[2] };
}

export interface ListingOptions {
  /** Only keys after this one are listed. */
  readonly after?: string;
  /** Whether objects in folders under the prefix are represented by their folder. @default false */
  readonly isFlat?: boolean;
  /** @default S3's own, which is 1,000 */
  readonly keysPerPage?: number;
}

/** Lists the keys that begin with a prefix, in the order of their UTF-8 bytes, a page at a time. */
export async function* listPages(
  s3: S3Client,
  { bucket, key }: S3Location,
  { after, isFlat = false, keysPerPage }: ListingOptions = {},
): AsyncGenerator<S3Page> {
  const request = {
    Bucket: bucket,
    Prefix: key,
    ...(after === undefined ? {} : { StartAfter: after }),
    ...(isFlat ? { Delimiter: "/" } : {}),
    ...(keysPerPage === undefined ? {} : { MaxKeys: keysPerPage }),
    ...encodedKeys,
  };
  for await (const page of paginateListObjectsV2({ client: s3 }, request)) {
    const prefixes = (page.CommonPrefixes ?? []).flatMap(({ Prefix }) => Prefix ?? []);
    yield {
      folders: prefixes.map((prefix) => decodeKey(prefix, page.EncodingType).slice(key.length, -1)),
      objects: asObjects(page),
      isLast: page.NextContinuationToken === undefined,
    };
  }
}

/** Reads the first page of a listing. */
export async function firstPage(s3: S3Client, location: S3Location, options: ListingOptions = {}): Promise<S3Page> {
  for await (const page of listPages(s3, location, options)) return page;
  throw new Error(`S3 returned no page for ${s3UriOf(location)}`);
}

/** Lists the objects under a prefix at any depth, up to `limit`. */
export async function listObjects(
  s3: S3Client,
  location: S3Location,
  limit = Number.POSITIVE_INFINITY,
): Promise<readonly S3Object[]> {
  const objects: S3Object[] = [];
  for await (const page of listPages(s3, location)) {
    objects.push(...page.objects);
    if (objects.length >= limit) break;
  }
  return objects.slice(0, limit);
}

/** Requires s3:ListBucket; without it S3 answers 403 instead of 404 for an absent key, and this function throws. */
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
  if (!answer.Body) throw new Error("S3 returned no body");
  return answer.Body;
}

/** @throws NoSuchKey */
export async function readBytes(s3: S3Client, { bucket, key }: S3Location, range?: string): Promise<Uint8Array> {
  const answer = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: range }));
  return bodyOf(answer).transformToByteArray();
}

/** The object exists, but its content is not the expected JSON. */
export class MalformedObject extends Error {
  override readonly name = "MalformedObject";
}

/**
 * @param maxBytes size up to which the object is read; any by default
 * @throws NoSuchKey, or MalformedObject if the content is too large, or is not JSON that matches the schema
 */
export async function readJson<T>(
  s3: S3Client,
  location: S3Location,
  schema: z.ZodType<T>,
  maxBytes?: number,
): Promise<T> {
  const name = s3UriOf(location);
  // One byte more than allowed, which only a larger object has.
  const content = await readBytes(s3, location, maxBytes === undefined ? undefined : `bytes=0-${maxBytes}`);
  if (maxBytes !== undefined && content.length > maxBytes)
    throw new MalformedObject(`${name} has more than ${maxBytes} bytes`);
  const text = new TextDecoder().decode(content);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MalformedObject(`${name} is not valid JSON: ${describeError(error)}`, { cause: error });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new MalformedObject(`${name} does not have the expected content: ${problems.join("; ")}`);
}

export async function writeJson(s3: S3Client, { bucket, key }: S3Location, value: unknown): Promise<void> {
  const Body = `${JSON.stringify(value, null, 2)}\n`;
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body, ContentType: "application/json" }));
}

/** Streams an object's content. @throws NoSuchKey */
export async function readStream(s3: S3Client, { bucket, key }: S3Location): Promise<Readable> {
  const answer = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return Readable.from(bodyOf(answer).transformToWebStream());
}

/** Hexadecimal sha256 of an object's content, which is streamed. @throws NoSuchKey */
export async function objectSha256(s3: S3Client, location: S3Location): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of await readStream(s3, location)) hash.update(chunk);
  return hash.digest("hex");
}

/** Hexadecimal sha256. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
