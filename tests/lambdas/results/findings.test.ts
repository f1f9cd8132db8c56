import { execa } from "execa";
import { beforeEach, expect, test, vi } from "vitest";
import { z } from "zod";
import { Findings } from "../../../lambdas/results/findings.ts";
import { asyncBuffer } from "../../../lambdas/results/parquet-footers.ts";
import { S3Double } from "../../doubles/s3.ts";
import { python } from "../ministack.ts";

let s3: S3Double;
let findings: Findings;
beforeEach(() => {
  s3 = new S3Double();
  findings = new Findings(s3.client, { bucket: "data", key: "run/" });
});

/** S3's answer to a request that a policy forbids, as the SDK throws it. */
const denied = Object.assign(new Error("Access Denied"), { name: "AccessDenied", $metadata: {} });

test("a report that S3 does not hand out is an error, not a failed check", async () => {
  vi.spyOn(s3.client, "send").mockRejectedValue(denied);

  await expect(findings.readReport("report.json", z.object({}))).rejects.toBe(denied);
  expect(findings.checks).toEqual([]);
});

test("a Parquet file that S3 does not hand out is an error, not a failed check", async () => {
  vi.spyOn(s3.client, "send").mockRejectedValue(denied);

  await expect(findings.checkParquet("pca", { vector: "v", rows: 1, width: 1 })).rejects.toBe(denied);
  expect(findings.checks).toEqual([]);
});

test("a folder without Parquet files has no columns and no rows", async () => {
  s3.write("run/pca/_SUCCESS", "");

  await findings.checkParquet("pca", { vector: "v", rows: 1, width: 2 });

  expect(findings.checks).toEqual([
    { name: "pca columns", ok: false, detail: "expected path,label,v, found no file" },
    { name: "pca rows", ok: false, detail: "expected 1, found 0" },
    { name: "pca dimensions", ok: true, detail: "expected 0 x 2 = 0 values, found 0" },
  ]);
});

test("reads exactly the bytes that the Parquet reader asks for", async () => {
  s3.write("run/file", "0123456789");
  const file = asyncBuffer(s3.client, "data", { key: "run/file", bytes: 10, etag: "" });
  const read = async (start: number, end?: number) => Buffer.from(await file.slice(start, end)).toString();

  expect(file.byteLength).toBe(10);
  expect(await read(2, 4)).toBe("23");
  expect(await read(8)).toBe("89");
});

const table = `
import sys
import pyarrow as pa, pyarrow.parquet as pq
table = pa.table({"path": ["a", "b"], "label": ["x", "y"], "v": [[1.0, 2.0, 3.0]] * 2})
pq.write_table(table, sys.stdout.buffer)
`;

test("of many files a sample is opened, and the job's count must agree with the listing", async () => {
  const { stdout: file } = await execa(python, ["-c", table], { encoding: "buffer" });
  const write = (count: number) => {
    for (let number = 0; number < count; number += 1) s3.write(`run/pca/${number}.parquet`, file);
  };
  const expected = { vector: "v", rows: 2_000, width: 3 };
  const written = { files: 1_000, rows: 2_000, bytes: 1_000 * file.length };
  write(999);

  await findings.checkParquet("pca", expected, written);
  const [missing] = findings.checks.filter(({ ok }) => !ok);
  expect(missing?.name).toBe("pca files");
  expect(missing?.detail).toContain("the job wrote 1000 files");
  expect(missing?.detail).toContain("found 999");
  expect(new Set(s3.gets).size).toBeLessThanOrEqual(200);

  findings.checks.length = 0;
  write(1_000);
  await findings.checkParquet("pca", expected, written);
  expect(findings.checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(findings.checks.map(({ name }) => name)).toEqual(["pca columns", "pca files", "pca rows", "pca dimensions"]);

  findings.checks.length = 0;
  await findings.checkParquet("pca", { ...expected, rows: 1_999 }, written);
  const [rows] = findings.checks.filter(({ ok }) => !ok);
  expect(rows?.detail).toMatch(/^expected 1999, found 2000 by the job's count, \d+ of 1000 files were opened$/);

  findings.checks.length = 0;
  s3.gets.length = 0;
  await findings.checkParquet("pca", expected);
  expect(findings.checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(new Set(s3.gets).size).toBe(1_000);
});

test("CSV files must be as many as the job has counted, and as large", async () => {
  s3.write("run/csv/0.csv", "a,b\n");

  await findings.checkFiles("csv", ".csv", { files: 1, rows: 0, bytes: 4 });
  await findings.checkFiles("csv", ".csv", { files: 1, rows: 0, bytes: 5 });

  expect(findings.checks.map(({ ok }) => ok)).toEqual([true, false]);
});
