import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { type Clients, createClients } from "../../../cli/account/aws-clients.ts";
import { downloadRun } from "../../../cli/execution/download-run.ts";
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
  s3.write("runs/run-1//etc/orchard-escaped", "x");

  await expect(downloadRun(clients, "s3://data/runs/run-1/", folder)).rejects.toThrow(/points outside of/);
  expect(existsSync("/etc/orchard-escaped")).toBe(false);
});
