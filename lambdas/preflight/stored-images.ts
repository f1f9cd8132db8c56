import type { S3Client } from "@aws-sdk/client-s3";
import { parquetReadObjects } from "hyparquet";
import pMap from "p-map";
import { listObjects, parseS3Uri } from "../aws/s3.ts";
import { asyncBuffer } from "../results/parquet-footers.ts";
import type { StoreSample } from "./store-sample.ts";

/** Up to 256 rows a file; beyond this, reading their keys takes longer than a person likes to wait. */
const maxFiles = 4_000;
const concurrency = 16;

/**
 * How many of the images the features store has, by path and etag. Only these two columns are read.
 *
 * @param store s3:// folder of one model's features
 * @returns null when the store is too large to be read through
 */
export async function countStored(s3: S3Client, store: string, { images }: StoreSample): Promise<number | null> {
  const folder = parseS3Uri(store);
  const files = (await listObjects(s3, folder, maxFiles + 1)).filter(({ key }) => key.endsWith(".parquet"));
  if (files.length > maxFiles) return null;
  const missing = new Set(images.map(({ path, etag }) => `${path}\t${etag}`));
  const total = missing.size;
  await pMap(
    files,
    async (object) => {
      const file = asyncBuffer(s3, folder.bucket, object);
      for (const row of await parquetReadObjects({ file, columns: ["path", "etag"] })) {
        missing.delete(`${row["path"]}\t${row["etag"]}`);
      }
    },
    { concurrency },
  );
  return total - missing.size;
}
