import type { S3Client } from "@aws-sdk/client-s3";
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetSchema } from "hyparquet";
import pMap from "p-map";
import { readBytes, type S3Object } from "../aws/s3.ts";

/** Summary of the footers of some Parquet files. */
export interface Footers {
  readonly rows: number;
  /** The distinct lists of top-level columns, each joined by commas: one entry if all files agree. */
  readonly columns: readonly string[];
  /** Number of leaf values by top-level column. A null counts as one, and so does an empty list. */
  readonly values: Readonly<Record<string, number>>;
  /** Number of nulls by top-level column; null if a footer lacks the statistics. */
  readonly nulls: Readonly<Record<string, number | null>>;
}

const concurrency = 16;
/** Bytes to read from a file's end. Most footers fit; for a longer one hyparquet sends a second request. */
const initialFetchSize = 64 * 1024;

/** Presents an S3 object as hyparquet's file, which it reads in ranges. */
export function asyncBuffer(s3: S3Client, bucket: string, { key, bytes }: S3Object): AsyncBuffer {
  return {
    byteLength: bytes,
    slice: async (start, end = bytes) => {
      // Copy the bytes, because the client's array may be a view into a larger buffer.
      const content = await readBytes(s3, { bucket, key }, `bytes=${start}-${end - 1}`);
      return content.slice().buffer;
    },
  };
}

/** Rows of a file; `rowEnd` is not one of them. */
interface RowRange {
  readonly rowStart: number;
  readonly rowEnd: number;
}

/** The first row of each row group of a file, and the one after its last. */
export function rowRangesOf({ row_groups: groups }: FileMetaData): readonly RowRange[] {
  let rowEnd = 0;
  return groups.map(({ num_rows: rows }) => {
    const rowStart = rowEnd;
    rowEnd += Number(rows);
    return { rowStart, rowEnd };
  });
}

/**
 * Reads the footers of Parquet files. The data pages are not read.
 *
 * @throws Error if a file is not Parquet
 */
export async function readFooters(s3: S3Client, bucket: string, files: readonly S3Object[]): Promise<Footers> {
  const values: Record<string, number> = {};
  const nulls: Record<string, number | null> = {};
  const columns = new Set<string>();
  let rows = 0;
  await pMap(
    files,
    async (file) => {
      const metadata = await parquetMetadataAsync(asyncBuffer(s3, bucket, file), { initialFetchSize });
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
  return { rows, columns: [...columns], values, nulls };
}
