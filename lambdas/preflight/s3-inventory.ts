import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { S3Client } from "@aws-sdk/client-s3";
import { parse } from "csv-parse";
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { z } from "zod";
import { isNamed } from "../aws/errors.ts";
import { decodeKey, listPages, readJson, readStream, type S3Location } from "../aws/s3.ts";
import { asyncBuffer, rowRangesOf } from "../results/parquet-footers.ts";

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html */
const manifestSchema = z.looseObject({
  sourceBucket: z.string(),
  fileFormat: z.enum(["CSV", "Parquet"]),
  /** Names of the columns of CSV, joined by commas. */
  fileSchema: z.string(),
  files: z.array(z.object({ key: z.string(), size: z.int() })),
});
type Manifest = Readonly<z.output<typeof manifestSchema>>;

/** Finds the manifest of the latest inventory: folders are named by their time, such as 2026-11-29T01-00Z. */
async function latestManifest(s3: S3Client, folder: S3Location): Promise<Manifest | undefined> {
  const names: string[] = [];
  for await (const { folders } of listPages(s3, folder, { isFlat: true })) {
    names.push(...folders.filter((name) => /^\d{4}-\d\d-\d\dT\d\d-\d\dZ$/.test(name)));
  }
  for (const name of names.sort().reverse()) {
    try {
      return await readJson(s3, { ...folder, key: `${folder.key}${name}/manifest.json` }, manifestSchema);
    } catch (error) {
      // S3 writes the manifest last.
      if (!isNamed(error, "NoSuchKey")) throw error;
    }
  }
  return undefined;
}

async function countInCsv(s3: S3Client, file: S3Location, column: number, isWanted: Predicate): Promise<number> {
  let count = 0;
  await pipeline(
    await readStream(s3, file),
    createGunzip(),
    parse(),
    async (rows: AsyncIterable<readonly string[]>) => {
      for await (const row of rows) if (isWanted(decodeKey(row[column] ?? "", "url"))) count += 1;
    },
  );
  return count;
}

/** Reads a row group at a time. S3 compresses with Snappy, which hyparquet reads without another package. */
async function countInParquet(s3: S3Client, file: S3Location, size: number, isWanted: Predicate): Promise<number> {
  const buffer = asyncBuffer(s3, file.bucket, { key: file.key, bytes: size, etag: "" });
  const metadata = await parquetMetadataAsync(buffer);
  let count = 0;
  for (const range of rowRangesOf(metadata)) {
    const found = await parquetReadObjects({ file: buffer, metadata, columns: ["key"], ...range });
    count += found.filter(({ key }) => isWanted(String(key))).length;
  }
  return count;
}

type Predicate = (key: string) => boolean;

/**
 * Counts the keys of a bucket by its latest S3 Inventory, a file at a time. The inventory is a day or a week old.
 *
 * @param inventory folder of the inventory's configuration, which has a folder for each date
 * @returns undefined if there is no inventory of this bucket
 */
export async function countInInventory(
  s3: S3Client,
  inventory: S3Location,
  bucket: string,
  isWanted: Predicate,
): Promise<number | undefined> {
  const manifest = await latestManifest(s3, inventory);
  if (manifest?.sourceBucket !== bucket) return undefined;
  const column = manifest.fileSchema.split(",").findIndex((name) => name.trim() === "Key");
  let count = 0;
  for (const { key, size } of manifest.files) {
    const file = { bucket: inventory.bucket, key };
    count +=
      manifest.fileFormat === "CSV"
        ? await countInCsv(s3, file, column, isWanted)
        : await countInParquet(s3, file, size, isWanted);
  }
  return count;
}
