import { gzipSync } from "node:zlib";
import { beforeEach, expect, test } from "vitest";
import { readLog, readLogs } from "../../../lambdas/diagnosis/log-files.ts";
import { S3Double } from "../../doubles/s3.ts";

const mebibyte = 1024 * 1024;
const folder = { bucket: "data", key: "logs/" };

let s3: S3Double;
beforeEach(() => {
  s3 = new S3Double();
});

test("keeps only the last 4 MiB of a gzipped log", async () => {
  s3.write("logs/stderr.gz", gzipSync(`first line\n${"x".repeat(6 * mebibyte)}\nlast line`));

  const log = await readLog(s3.client, { bucket: "data", key: "logs/stderr.gz" });

  expect(log?.text.endsWith("\nlast line")).toBe(true);
  // Whole chunks of the decompressor are dropped, each of 16 KiB by default.
  expect(log?.text.length).toBeGreaterThanOrEqual(4 * mebibyte);
  expect(log?.text.length).toBeLessThan(4 * mebibyte + 64 * 1024);
});

test("keeps all of a gzipped log of 4 MiB", async () => {
  s3.write("logs/stderr.gz", gzipSync("x".repeat(4 * mebibyte)));

  const log = await readLog(s3.client, { bucket: "data", key: "logs/stderr.gz" });

  expect(log?.text.length).toBe(4 * mebibyte);
});

test("leaves out a log that is larger than 20 MiB, which may not fit into the function's memory", async () => {
  s3.write("logs/1/stderr", new Uint8Array(20 * mebibyte + 1));
  s3.write("logs/2/stderr", new Uint8Array(20 * mebibyte));

  expect((await readLogs(s3.client, folder, /stderr$/)).map(({ uri }) => uri)).toEqual(["s3://data/logs/2/stderr"]);
});

test("reads the first 20 logs by their keys", async () => {
  const names = Array.from({ length: 21 }, (_, number) => `${String(number).padStart(2, "0")}/stderr`);
  for (const name of names.toReversed()) s3.write(`logs/${name}`, name);
  s3.write("logs/00/stdout", "of another pattern");

  expect((await readLogs(s3.client, folder, /stderr$/)).map(({ text }) => text)).toEqual(names.slice(0, 20));
});
