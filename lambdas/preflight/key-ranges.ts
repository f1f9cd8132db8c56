import type { S3Client } from "@aws-sdk/client-s3";
import pMap from "p-map";
import { firstPage, listPages, type S3Object, sha256 } from "../aws/s3.ts";

/** The keys that begin with a prefix and come after another key. */
export interface KeyRange {
  readonly bucket: string;
  readonly prefix: string;
  /** Empty for all keys of the prefix. */
  readonly after: string;
}

/** Concurrent LIST calls: enough to hide their latency, and well below S3's limit of 5,500 requests a second. */
export const listConcurrency = 32;

/** Pages of a range that are listed one after the other before its rest is split: splitting takes about a dozen calls. */
const pagesBeforeSplit = 32;

/** S3's limit for a key, in bytes. */
const maxKeyBytes = 1_024;
const lastCharacter = "\u{10FFFF}";

/** Returns a key after which no other key begins with the prefix. */
function endOf(prefix: string): string {
  return prefix + lastCharacter.repeat(Math.floor((maxKeyBytes - Buffer.byteLength(prefix)) / 4));
}

/**
 * Splits a range by the character that follows its prefix, whatever the alphabet: each part takes a LIST of one key. A
 * prefix that all keys share is extended first. Each key of the range is in exactly one part; the range of a prefix that
 * is itself a key is not split. spark/orchard/io/key_ranges.py does the same.
 */
export async function splitRange(s3: S3Client, range: KeyRange): Promise<readonly KeyRange[]> {
  const { bucket, prefix } = range;
  const parts: KeyRange[] = [];
  let { after } = range;
  for (;;) {
    const page = await firstPage(s3, { bucket, key: prefix }, { after, keysPerPage: 1 });
    const next = page.objects[0]?.key;
    if (next === undefined) break;
    const character = next.codePointAt(prefix.length);
    if (character === undefined) return [range];
    const part = { ...range, prefix: prefix + String.fromCodePoint(character) };
    parts.push(part);
    after = endOf(part.prefix);
  }
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? splitRange(s3, only) : parts;
}

/**
 * Lists ranges concurrently, also within a range: what is left of a range after some pages is split.
 *
 * @param visit receives the objects of a page; once it returns false, nothing more is listed
 * @returns the ranges that are not listed, because `visit` returned false
 */
export async function visitRanges(
  s3: S3Client,
  ranges: readonly KeyRange[],
  visit: (objects: readonly S3Object[]) => boolean,
): Promise<readonly KeyRange[]> {
  let goesOn = true;
  const listSome = async (range: KeyRange): Promise<readonly KeyRange[]> => {
    if (!goesOn) return [range];
    let pages = 0;
    let { after } = range;
    const options = after === "" ? {} : { after };
    for await (const { objects, isLast } of listPages(s3, { bucket: range.bucket, key: range.prefix }, options)) {
      goesOn = visit(objects) && goesOn;
      if (isLast) return [];
      after = objects.at(-1)?.key ?? after;
      pages += 1;
      if (!goesOn) return [{ ...range, after }];
      if (pages >= pagesBeforeSplit) break;
    }
    return splitRange(s3, { ...range, after });
  };
  let left = ranges;
  while (goesOn && left.length > 0) left = (await pMap(left, listSome, { concurrency: listConcurrency })).flat();
  return left;
}

/** The first page of a range, and the parts of what follows it. */
interface Branch {
  readonly keys: number;
  readonly parts: readonly KeyRange[];
}

async function lookAt(s3: S3Client, range: KeyRange): Promise<Branch> {
  const { bucket, prefix, after } = range;
  const { objects, isLast } = await firstPage(s3, { bucket, key: prefix }, after === "" ? {} : { after });
  const last = objects.at(-1);
  const parts = isLast || last === undefined ? [] : await splitRange(s3, { ...range, after: last.key });
  return { keys: objects.length, parts };
}

/** Parts of the ranges that an estimate looks into, whose error is that of a mean of so many samples. */
const samples = 128;

/**
 * Estimates the number of keys in ranges. It splits them until there are enough parts, and looks into a sample of these by
 * random walks to parts that fit into a page; a walk multiplies the numbers of parts on its way (Knuth 1975, Estimating
 * the efficiency of backtrack programs). The same keys always give the same estimate.
 */
export async function estimateKeys(s3: S3Client, ranges: readonly KeyRange[]): Promise<number> {
  const options = { concurrency: listConcurrency };
  let counted = 0;
  let open = ranges;
  while (open.length > 0 && open.length < samples) {
    const branches = await pMap(open, (range) => lookAt(s3, range), options);
    counted += sum(branches.map(({ keys }) => keys));
    open = branches.flatMap(({ parts }) => parts);
  }
  if (open.length === 0) return counted;
  const walk = async (range: KeyRange): Promise<number> => {
    const { keys, parts } = await lookAt(s3, range);
    const next = pick(parts, range.prefix);
    return next === undefined ? keys : keys + parts.length * (await walk(next));
  };
  const numbers = Array.from({ length: samples }, (_, index) => index);
  const starts = open.length > 2 * samples ? numbers.flatMap((index) => pick(open, `sample ${index}`) ?? []) : open;
  const found = await pMap(starts, walk, options);
  return counted + (open.length * sum(found)) / found.length;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** Picks an item by the sha256 of a seed. */
function pick<T>(items: readonly T[], seed: string): T | undefined {
  return items[Number.parseInt(sha256(seed).slice(0, 8), 16) % items.length];
}
