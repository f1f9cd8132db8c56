import type { S3Client } from "@aws-sdk/client-s3";
import pMap from "p-map";
import { isNamed } from "../aws/errors.ts";
import { listObjects, readJson, type S3Location, type S3Object } from "../aws/s3.ts";
import { type StoreRecord, storeIndexFolder, storeRecordSchema } from "../contract/store-record.ts";

const concurrency = 16;

/** The files of a features store that have to be read to know its images. */
export interface StoreContents {
  /** Files of keys. */
  readonly keys: readonly S3Object[];
  /** Files of features that no file of keys covers. */
  readonly uncovered: readonly S3Object[];
  /** Names of files to which keys refer, although their rows are gone. */
  readonly gone: readonly string[];
}

/** Reads a record; undefined if it was removed after the listing, because a newer record repeats its content. */
async function readRecord(s3: S3Client, location: S3Location): Promise<StoreRecord | undefined> {
  try {
    return await readJson(s3, location, storeRecordSchema);
  } catch (error) {
    if (isNamed(error, "NoSuchKey")) return undefined;
    throw error;
  }
}

/** Lists a store, and reads its records. @throws MalformedObject if a record is not as expected */
export async function readStoreContents(s3: S3Client, { bucket, key }: S3Location): Promise<StoreContents> {
  const files = new Map(
    (await listObjects(s3, { bucket, key })).map((object) => [object.key.slice(key.length), object]),
  );
  const names = [...files.keys()].filter((name) => name.startsWith(storeIndexFolder) && name.endsWith(".json"));
  const read = async (name: string) => [name, await readRecord(s3, { bucket, key: `${key}${name}` })] as const;
  const records = (await pMap(names, read, { concurrency })).flatMap(([name, record]) =>
    record ? [{ name, record }] : [],
  );
  const replaced = new Set(records.flatMap(({ record }) => record.replaces));
  // A record whose files of keys somebody has deleted covers nothing.
  const valid = records
    .filter(({ name, record }) => !replaced.has(name) && record.keys.every((file) => files.has(file)))
    .map(({ record }) => record);
  const covered = new Set(valid.flatMap(({ covers }) => covers));
  const expired = new Set(valid.flatMap((record) => Object.keys(record.expired)));
  const moved = new Map(valid.flatMap((record) => Object.entries(record.moved).map(([name, [file]]) => [name, file])));
  // A file into which others were merged is covered if all of them are.
  const merged = new Set(moved.values());
  for (const [name, file] of moved) if (!covered.has(name)) merged.delete(file);
  const hasRows = (name: string): boolean => {
    if (expired.has(name)) return false;
    const target = moved.get(name);
    return files.has(name) || (target !== undefined && hasRows(target));
  };
  const isData = (name: string) => name.endsWith(".parquet") && !/^[_.]/.test(name);
  const isKnown = (name: string) => covered.has(name) || merged.has(name) || expired.has(name);
  return {
    keys: valid.flatMap(({ keys }) => keys.flatMap((file) => files.get(file) ?? [])),
    uncovered: [...files].filter(([name]) => isData(name) && !isKnown(name)).map(([, object]) => object),
    gone: [...covered].filter((name) => !hasRows(name)),
  };
}
