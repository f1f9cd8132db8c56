import type { S3Client } from "@aws-sdk/client-s3";
import pMap from "p-map";
import { firstPage, listPages, type S3Object } from "../aws/s3.ts";

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
 * Splits a range by the character that follows its prefix. This works for any alphabet, and takes a LIST of one key for each
 * part. A prefix that all keys share is extended first. Each key of the range is in exactly one part. If the prefix is itself
 * a key, the range is not split. spark/orchard/io/key_ranges.py does the same.
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
 * Lists ranges concurrently, and splits the rest of a range after some pages. All ranges are begun before any gets far, so
 * that a listing that stops early has seen a part of each.
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
  const listSome = async (range: KeyRange, most: number): Promise<readonly KeyRange[]> => {
    if (!goesOn) return [range];
    let pages = 0;
    let { after } = range;
    const options = after === "" ? {} : { after };
    for await (const { objects, isLast } of listPages(s3, { bucket: range.bucket, key: range.prefix }, options)) {
      goesOn = visit(objects) && goesOn;
      if (isLast) return [];
      after = objects.at(-1)?.key ?? after;
      pages += 1;
      if (!goesOn || pages >= most) break;
    }
    const rest = { ...range, after };
    return goesOn && pages >= pagesBeforeSplit ? splitRange(s3, rest) : [rest];
  };
  let left = ranges;
  for (let pages = 1; goesOn && left.length > 0; pages = Math.min(2 * pages, pagesBeforeSplit))
    left = (await pMap(left, (range) => listSome(range, pages), { concurrency: listConcurrency })).flat();
  return left;
}

/** The number of keys on a range's first page, and the parts of the rest of the range. */
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

/** The most ranges that an estimate looks into. Fewer ranges share about as many random walks. */
const samples = 512;

const goldenRatio = (1 + Math.sqrt(5)) / 2;

/**
 * Estimates the number of keys in ranges by random walks to parts that fit into a page; a walk multiplies the numbers of
 * parts on its way (Knuth 1975, Estimating the efficiency of backtrack programs). If there are more ranges than samples, it
 * takes one range from each group of neighbours. Multiples of the golden ratio decide where the walks go. They spread
 * evenly, so that the walks differ among neighbours, whose keys are often alike. The same keys always give the same
 * estimate.
 *
 * Measured with ten million keys, of which two million had been listed: 0.8 % off at most in 1 to 5,000 labels of one size,
 * whether the names are numbers, dates or random, and 2.2 % in 131 to 300 labels whose sizes differ a hundredfold (Zipf's
 * law). With more ranges than samples, the estimate may miss the largest: 15 % off with 1,000 labels of such sizes, 44 %
 * with 5,000. It makes at most 13,000 requests, of which 1,400 return a page of keys, and the others one key.
 */
export async function estimateKeys(s3: S3Client, ranges: readonly KeyRange[]): Promise<number> {
  const walks = Math.ceil(samples / ranges.length);
  const seen = new Map<KeyRange, Promise<Branch>>();
  const walk = async (range: KeyRange, chance: number): Promise<number> => {
    const found = seen.get(range) ?? lookAt(s3, range);
    seen.set(range, found);
    const { keys, parts } = await found;
    const place = chance * parts.length;
    const next = parts[Math.floor(place)];
    return next === undefined ? keys : keys + parts.length * (await walk(next, place % 1));
  };
  const chosen = Math.min(ranges.length, samples);
  const starts = Array.from({ length: chosen * walks }, (_, index) => index);
  const found = await pMap(
    starts,
    async (index) => {
      const chance = (index * goldenRatio) % 1;
      const number = Math.floor(index / walks);
      const [first, end] = [number, number + 1].map((one) => Math.floor((one * ranges.length) / chosen));
      const neighbours = ranges.slice(first, end);
      const place = chance * neighbours.length;
      const range = neighbours[Math.floor(place)];
      return range === undefined ? 0 : neighbours.length * (await walk(range, place % 1));
    },
    { concurrency: listConcurrency },
  );
  return found.reduce((total, each) => total + each, 0) / walks;
}
