import type { S3Client } from "@aws-sdk/client-s3";
import { type AsyncBuffer, parquetMetadataAsync, parquetSchema } from "hyparquet";
import pMap from "p-map";
import { listObjects, readBytes, type S3Location, type S3Object } from "../aws/s3.ts";

/** What the footers of a folder of Parquet files say, all files together. The data pages are never read. */
export interface Footers {
  readonly files: number;
  readonly rows: number;
  /** Each file's top-level columns, joined by commas, without repetition: one entry for a consistent folder. */
  readonly columns: readonly string[];
  /** For each top-level column the number of leaf values, nulls and the entry of an empty list included. */
  readonly values: Readonly<Record<string, number>>;
  /** For each top-level column the number of nulls; null where a footer does not say. */
  readonly nulls: Readonly<Record<string, number | null>>;
}

const concurrency = 16;
/** Most footers fit; hyparquet asks again for a longer one. */
const initialFetchSize = 64 * 1024;

/** An object as hyparquet reads it: in ranges. */
export function asyncBuffer(s3: S3Client, bucket: string, { key, bytes }: S3Object): AsyncBuffer {
return {
  byteLength: bytes,
  slice: async (start, end = bytes) => {
    // Copied: the client's chunk may be a view into a larger buffer.
    const content = await readBytes(s3, { bucket, key }, `bytes=${start}-${end - 1}`);
    return content.slice().buffer;
  },
};
}

/** Reads the footers of every .parquet file under a prefix. @throws Error naming the file that is no Parquet */
export async function readFooters(s3: S3Client, folder: S3Location): Promise<Footers> {
  const files = (await listObjects(s3, folder)).filter(({ key }) => key.endsWith(".parquet"));
  const values: Record<string, number> = {};
  const nulls: Record<string, number | null> = {};
  const columns = new Set<string>();
  let rows = 0;
  await pMap(
    files,
    async (file) => {
      const metadata = await parquetMetadataAsync(asyncBuffer(s3, folder.bucket, file), { initialFetchSize });
      rows += Number(metadata.num_rows);
      columns.add(
        parquetSchema(metadata)
          .children.map(({ element }) => element.name)
          .join(","),
      );
      for (const { meta_data: chunk } of metadata.row_groups.flatMap((group) => group.columns)) {
        const column = chunk?.path_in_schema[0];
        if (!chunk || column === undefined) continue;
        values[column] = (values[column] ?? 0) + Number(chunk.num_values);
        const nullCount = chunk.statistics?.null_count;
        const before = nulls[column] === undefined ? 0 : nulls[column];
        nulls[column] = nullCount === undefined || before === null ? null : before + Number(nullCount);
      }
    },
    { concurrency },
  );
  return { files: files.length, rows, columns: [...columns], values, nulls };
}
