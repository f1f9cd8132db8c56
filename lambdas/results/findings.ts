import type { S3Client } from "@aws-sdk/client-s3";
import type { z } from "zod";
import { cutText, withoutControls } from "../../shared/bounded-text.ts";
import { describeError, isNamed } from "../aws/errors.ts";
import { MalformedObject, parseS3Uri, readJson, type S3Location } from "../aws/s3.ts";
import type { JobCheck, Output } from "../contract/job-reports.ts";
import { referenceFolder } from "../contract/s3-layout.ts";
import { type FileList, listFiles } from "./list-files.ts";
import { type Footers, readFooters } from "./parquet-footers.ts";

/** Limits a detail, because a check of the Spark job may name several images with keys of up to 1,024 bytes. */
const maxDetailLength = 1_000;

/** The most files of a folder that are opened. Their footers are read within seconds. */
const maxOpened = 200;

/** Expected contents of a folder of Parquet files. */
interface ExpectedTable {
  /** Name of the column with the vectors. */
  readonly vector: string;
  readonly rows: number;
  /** Number of values in each vector. */
  readonly width: number;
}

/**
 * Reads a run's outputs and collects the checks on them. A missing or malformed output is a failed check; any other
 * error, such as denied access, is thrown.
 */
export class Findings {
  readonly checks: JobCheck[];
  private readonly s3: S3Client;
  private readonly run: S3Location;

  constructor(s3: S3Client, run: S3Location, checks: JobCheck[] = []) {
    this.s3 = s3;
    this.run = run;
    this.checks = checks;
  }

  /** Reads the outputs of another run, and collects the checks here. */
  forRun(run: string): Findings {
    return new Findings(this.s3, parseS3Uri(run), this.checks);
  }

  check(name: string, ok: boolean, detail: string): void {
    this.checks.push({ name, ok, detail: cutText(withoutControls(detail), maxDetailLength) });
  }

  /** Location of an output, by its path in the run's folder. */
  locate(path: string): S3Location {
    return { bucket: this.run.bucket, key: `${this.run.key}${path}` };
  }

  /** Reads a JSON report of the Spark job; undefined if it is missing or malformed. */
  async readReport<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
    try {
      return await readJson(this.s3, this.locate(path), schema);
    } catch (error) {
      if (isNamed(error, "NoSuchKey")) this.check(path, false, "does not exist");
      else if (error instanceof MalformedObject) this.check(path, false, error.message);
      else throw error;
      return undefined;
    }
  }

  /**
   * Checks that a folder has files with this extension: as many as the job has counted, or any without its count.
   *
   * @returns the files, or a sample of more than 200
   */
  async checkFiles(folder: string, extension: string, written?: Output): Promise<readonly S3Location[]> {
    const list = await listFiles(this.s3, this.locate(`${folder}/`), extension, maxOpened);
    if (written) this.checkCounts(folder, list, written);
    else this.check(`${folder} files`, list.files > 0, `${list.files} ${extension} file(s)`);
    return list.sample.map(({ key }) => ({ bucket: this.run.bucket, key }));
  }

  private checkCounts(folder: string, { files, bytes }: FileList, written: Output): void {
    this.check(
      `${folder} files`,
      files > 0 && files === written.files && bytes === written.bytes,
      `the job wrote ${written.files} files with ${written.bytes} bytes, found ${files} with ${bytes}`,
    );
  }

  /**
   * Checks the columns, the number of rows, the width of the vectors and the absence of nulls by the Parquet footers, so
   * that the check does not depend on the code that wrote the files. If there are more than 200 files, it opens
   * a sample, and takes the number of rows from the job's own count. The job's counts of files and bytes must agree with
   * the listing.
   */
  async checkParquet(folder: string, { vector, rows, width }: ExpectedTable, written?: Output): Promise<void> {
    const footers = await this.checkTable(folder, ["path", "label", vector], rows, written);
    if (!footers) return;
    const expected = footers.rows * width;
    const values = footers.values[vector] ?? 0;
    this.check(
      `${folder} dimensions`,
      values === expected,
      `expected ${footers.rows} x ${width} = ${expected} values, found ${values}`,
    );
  }

  /** Checks a run's reference to features in the store as `checkParquet` does, but not the store's files. */
  async checkReference(rows: number, written?: Output): Promise<void> {
    await this.checkTable(referenceFolder, ["path", "label", "file", "row"], rows, written);
  }

  private async checkTable(
    folder: string,
    names: readonly string[],
    rows: number,
    written?: Output,
  ): Promise<Footers | undefined> {
    // Without the job's count, as in runs of older versions, only the footers have the number of rows.
    const most = written ? maxOpened : Number.POSITIVE_INFINITY;
    const list = await listFiles(this.s3, this.locate(`${folder}/`), ".parquet", most);
    const footers = await this.readParquetFooters(folder, list);
    if (!footers) return undefined;
    const columns = names.join(",");
    this.check(
      `${folder} columns`,
      footers.columns.length === 1 && footers.columns[0] === columns,
      `expected ${columns}, found ${footers.columns.join(" and ") || "no file"}`,
    );
    if (written) this.checkCounts(folder, list, written);
    const isComplete = list.sample.length === list.files;
    const found = isComplete ? footers.rows : written?.rows;
    const source = isComplete ? "" : ` by the job's count, ${list.sample.length} of ${list.files} files were opened`;
    this.check(`${folder} rows`, found === rows, `expected ${rows}, found ${found ?? "none"}${source}`);
    for (const column of footers.rows === 0 ? [] : names) {
      const nulls = footers.nulls[column];
      if (nulls !== 0) this.check(`${folder} nulls`, false, `${column} has ${nulls ?? "an unknown number of"} nulls`);
    }
    return footers;
  }

  private async readParquetFooters(folder: string, { sample }: FileList): Promise<Footers | undefined> {
    try {
      return await readFooters(this.s3, this.run.bucket, sample);
    } catch (error) {
      // The SDK's errors have $metadata, and the Parquet reader's do not.
      if (error instanceof Error && "$metadata" in error) throw error;
      this.check(folder, false, `is not readable as Parquet: ${describeError(error)}`);
      return undefined;
    }
  }
}
