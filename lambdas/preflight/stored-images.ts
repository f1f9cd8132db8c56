import { hash } from "node:crypto";
import type { S3Client } from "@aws-sdk/client-s3";
import { type FileMetaData, parquetMetadataAsync, parquetRead, parquetReadObjects } from "hyparquet";
import pMap from "p-map";
import { parseS3Uri, type S3Object } from "../aws/s3.ts";
import { asyncBuffer, rowRangesOf } from "../results/parquet-footers.ts";
import { readStoreContents } from "./store-contents.ts";
import type { StoredKey, StoreSample } from "./store-sample.ts";

/** Beyond these limits, reading a store takes longer than a person likes to wait. */
const readable = {
  /** Files that no record covers, with up to 1,024 rows each. */
  files: 4_000,
  /** Rows of the index. */
  rows: 2_000_000,
};
const concurrency = 16;
/** Bytes to read from the end of a file of keys: the footer of a million keys. */
const initialFetchSize = 128 * 1024;

/** Hexadecimal key of an image in the index; spark/orchard/store/keys.py makes the same, as bytes. */
export function storeKey({ path, etag }: StoredKey): string {
  return hash("sha256", path).slice(0, 2) + hash("sha256", `${path}\t${etag}`).slice(0, 30);
}

/** Reads bytes as hexadecimal digits, which sort in the same order. */
const parsers = { stringFromBytes: (bytes: Uint8Array) => Buffer.from(bytes).toString("hex") };

/** A row group of a file of keys, which are sorted. */
interface KeyGroup {
  readonly object: S3Object;
  readonly metadata: FileMetaData;
  readonly rowStart: number;
  readonly rowEnd: number;
  readonly first: string;
  readonly last: string;
}

async function readGroups(s3: S3Client, bucket: string, object: S3Object): Promise<readonly KeyGroup[]> {
  const metadata = await parquetMetadataAsync(asyncBuffer(s3, bucket, object), { parsers, initialFetchSize });
  return rowRangesOf(metadata).map((range, number) => {
    const { min_value: first, max_value: last } = metadata.row_groups[number]?.columns[0]?.meta_data?.statistics ?? {};
    if (typeof first !== "string" || typeof last !== "string")
      throw new Error(`${object.key} lacks the range of its keys`);
    return { object, metadata, ...range, first, last };
  });
}

/** The first of the sorted keys that is not less than `key`. */
function findFrom(keys: readonly string[], key: string): string | undefined {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return keys[low];
}

function mayHave({ first, last }: KeyGroup, keys: readonly string[]): boolean {
  const next = findFrom(keys, first);
  return next !== undefined && next <= last;
}

/** @param gone names of files whose keys no longer count, in hexadecimal digits like all texts that the parsers return */
async function readKeys(
  s3: S3Client,
  bucket: string,
  group: KeyGroup,
  gone: ReadonlySet<string>,
): Promise<readonly string[]> {
  const { object, metadata, rowStart, rowEnd } = group;
  const keys: string[] = [];
  await parquetRead({
    file: asyncBuffer(s3, bucket, object),
    metadata,
    parsers,
    columns: gone.size === 0 ? ["key"] : ["key", "file"],
    rowStart,
    rowEnd,
    onComplete: (rows) => {
      for (const [key, name] of rows) if (!gone.has(name)) keys.push(key);
    },
  });
  return keys;
}

/**
 * Counts the images that the features store has, by path and etag. Reads only the parts of the index that may have them,
 * and the files that the index does not cover. If the index has too many rows, it extrapolates from the images with the
 * lowest keys. They are a random sample, because keys are digests.
 *
 * @param store s3:// folder of one model's features
 * @returns null when too many files have to be read through
 */
export async function countStored(
  s3: S3Client,
  store: string,
  { images }: StoreSample,
  limits = readable,
): Promise<number | null> {
  const folder = parseS3Uri(store);
  const { bucket } = folder;
  const { keys: keyFiles, uncovered, gone } = await readStoreContents(s3, folder);
  if (uncovered.length > limits.files) return null;
  const wanted = images.map(storeKey).sort();
  const all = (await pMap(keyFiles, (object) => readGroups(s3, bucket, object), { concurrency })).flat();
  const rows = all.reduce((sum, group) => (mayHave(group, wanted) ? sum + group.rowEnd - group.rowStart : sum), 0);
  const sample = wanted.slice(0, Math.ceil(wanted.length * Math.min(1, limits.rows / rows)));
  const missing = new Set(sample);
  const unreadable = new Set(gone.map((name) => Buffer.from(name).toString("hex")));
  await pMap(
    all.filter((group) => mayHave(group, sample)),
    async (group) => {
      for (const key of await readKeys(s3, bucket, group, unreadable)) missing.delete(key);
    },
    { concurrency },
  );
  await pMap(
    uncovered,
    async (object) => {
      const file = asyncBuffer(s3, bucket, object);
      for (const { path, etag } of await parquetReadObjects({ file, columns: ["path", "etag"] }))
        missing.delete(storeKey({ path, etag }));
    },
    { concurrency },
  );
  return Math.round(((sample.length - missing.size) * wanted.length) / Math.max(1, sample.length));
}
