import { beforeEach, expect, test, vi } from "vitest";
import { z } from "zod";
import { Findings } from "../../../lambdas/results/findings.ts";
import { asyncBuffer } from "../../../lambdas/results/parquet-footers.ts";
import { S3Double } from "../../doubles/s3.ts";

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
