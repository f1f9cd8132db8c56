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

/** Random walks of an estimate, whose error is that of a mean of so many samples. */
const walks = 128;

/**
 * Estimates the number of keys in ranges by random walks from a range to a part that fits into a page; each multiplies the
 * numbers of parts on its way (Knuth 1975, Estimating the efficiency of backtrack programs). The same keys always give the
 * same estimate.
 */
export async function estimateKeys(s3: S3Client, ranges: readonly KeyRange[]): Promise<number> {
  // Walks share their first steps.
  const branches = new Map<string, Promise<Branch>>();
  const branchOf = (range: KeyRange): Promise<Branch> => {
    const name = `${range.prefix}\n${range.after}`;
    const branch = branches.get(name) ?? lookAt(s3, range);
    branches.set(name, branch);
    return branch;
  };
  const walk = async (range: KeyRange, seed: string): Promise<number> => {
    const { keys, parts } = await branchOf(range);
    const next = pick(parts, seed);
    return next === undefined ? keys : keys + parts.length * (await walk(next, `${seed}.`));
  };
  const numbers = Array.from({ length: walks }, (_, index) => index);
  const starts = ranges.length > walks ? numbers.flatMap((index) => pick(ranges, `range ${index}`) ?? []) : ranges;
  const rounds = Math.ceil(walks / Math.max(1, starts.length));
  const seeded = numbers.slice(0, rounds).flatMap((round) => starts.map((range) => ({ range, seed: `walk ${round}` })));
  const found = await pMap(seeded, ({ range, seed }) => walk(range, `${seed} ${range.prefix}`), {
    concurrency: listConcurrency,
  });
  const keys = found.reduce((sum, each) => sum + each, 0);
  return found.length === 0 ? 0 : (ranges.length * keys) / found.length;
}

/** Picks an item by the sha256 of a seed. */
function pick<T>(items: readonly T[], seed: string): T | undefined {
  return items[Number.parseInt(sha256(seed).slice(0, 8), 16) % items.length];
}
