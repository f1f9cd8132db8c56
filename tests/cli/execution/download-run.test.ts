import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeEach, expect, test } from "vitest";
import { type Clients, createClients } from "../../../cli/account/aws-clients.ts";
import { downloadFailedStepLog, downloadRun } from "../../../cli/execution/download-run.ts";
import { EmrDouble } from "../../doubles/emr.ts";
import { S3Double } from "../../doubles/s3.ts";

let s3: S3Double;
let clients: Clients;
/** Holds the folder of the results, so that a file beside it can be noticed. */
let outer: string;
let folder: string;
beforeEach(() => {
  s3 = new S3Double();
  clients = { ...createClients({ AWS_REGION: "eu-west-1" }), s3: s3.client };
  outer = mkdtempSync(join(tmpdir(), "orchard-download-"));
  folder = join(outer, "run-1");
  return () => rmSync(outer, { recursive: true });
});

test("copies the files of the run's folder and its subfolders, and no folder marker", async () => {
  s3.write("runs/run-1/manifest.json", "{}");
  s3.write("runs/run-1/pca/csv/part-0.csv", "path\n");
  s3.write("runs/run-1/pca/", "");
  s3.write("runs/run-1/", "");
  s3.write("runs/run-10/manifest.json", "of another run");

  expect(await downloadRun(clients, "s3://data/runs/run-1/", folder)).toBe(2);

  expect(readFileSync(join(folder, "manifest.json"), "utf8")).toBe("{}");
  expect(readFileSync(join(folder, "pca", "csv", "part-0.csv"), "utf8")).toBe("path\n");
});

test.each(["../escaped.txt", "../run-1-other/escaped.txt", "pca/../../escaped.txt", "..", "pca/.."])(
  "refuses the key %j, which points outside of the folder or at the folder itself",
  async (key) => {
    s3.write(`runs/run-1/${key}`, "x");

    await expect(downloadRun(clients, "s3://data/runs/run-1/", folder)).rejects.toThrow(
      `The key runs/run-1/${key} points outside of ${folder}`,
    );

    for (const path of ["escaped.txt", "run-1-other"]) expect(existsSync(join(outer, path))).toBe(false);
  },
);

test("refuses a key with an absolute path", async () => {
  const escaped = join(outer, "escaped.txt");
  s3.write(`runs/run-1/${escaped}`, "x");

  await expect(downloadRun(clients, "s3://data/runs/run-1/", folder)).rejects.toThrow(/points outside of/);
  expect(existsSync(escaped)).toBe(false);
});

test("keeps the end of a failed step's log that unzips to more than 64 MiB", async () => {
  const emr = new EmrDouble();
  const cluster = emr.create("orchard-run-1", {});
  emr.steps.push(
    { Id: "s-3", Status: { State: "COMPLETED" } },
    { Id: "s-2", Status: { State: "FAILED" } },
    { Id: "s-1", Status: { State: "FAILED" } },
  );
  const log = Buffer.concat([Buffer.alloc(70 * 1024 * 1024, "-"), Buffer.from("orchard: error: bad\n")]);
  s3.write(`logs/emr/${cluster}/steps/s-2/stderr.gz`, gzipSync(log));

  const found = await downloadFailedStepLog({ ...clients, emr: emr.client }, "data", cluster, folder);

  expect(found?.uri).toBe(`s3://data/logs/emr/${cluster}/steps/s-2/stderr.gz`);
  const text = readFileSync(found?.path ?? "");
  expect(text).toHaveLength(64 * 1024 * 1024);
  expect(text.subarray(-20).toString()).toBe("orchard: error: bad\n");
});
