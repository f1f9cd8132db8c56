import { beforeEach, expect, test } from "vitest";
import { checkInventory } from "../../../../lambdas/results/checks/inventory-checks.ts";
import { Findings } from "../../../../lambdas/results/findings.ts";
import { S3Double } from "../../../doubles/s3.ts";
import { aPlan } from "../../fixtures.ts";

const summary = { images: 67, labels: 4, selected: { images: 60, labels: 3, fingerprint: "f".repeat(64) } };
let s3: S3Double;
let findings: Findings;
beforeEach(() => {
  s3 = new S3Double();
  findings = new Findings(s3.client, { bucket: "data", key: "runs/run-1/" });
  write("metadata/part-00000.csv", "s3_path,label\n");
  write("stats/part-00000.csv", "split,label,count\nTraining,Apple,60\n");
  write("stats/part-00001.csv", "split,label,count\nTest,Apple,7\n");
});

function write(path: string, text: string): void {
  s3.write(`runs/run-1/inventory/${path}`, text);
}

function check(report: unknown = summary): ReturnType<typeof checkInventory> {
  s3.writeJson("runs/run-1/inventory/summary.json", report);
  return checkInventory(findings, aPlan("data"), s3.client);
}

function failures(): Readonly<Record<string, string>> {
  return Object.fromEntries(findings.checks.filter(({ ok }) => !ok).map(({ name, detail }) => [name, detail]));
}

test("takes the figures of the selection from the report", async () => {
  expect(await check()).toEqual({
    selection: "f".repeat(64),
    validation: {
      images: 60,
      labels: 3,
      errors: 0,
      errorRate: 0,
      computed: null,
      reused: null,
      components: null,
      variance: null,
      warnings: [],
      results: "s3://data/runs/run-1/",
    },
  });
  expect(failures()).toEqual({});
});

test.each(["metadata", "selection"])("refuses a file in %s that no task has reported", async (folder) => {
  write("selection/part-00000.parquet", "rows");
  const outputs = { metadata: { files: 1, rows: 60, bytes: 14 }, selection: { files: 1, rows: 60, bytes: 4 } };
  await check({ ...summary, outputs });
  expect(failures()).toEqual({});

  write(`${folder}/part-00007-0000-0badc0de.${folder === "metadata" ? "csv" : "parquet"}`, "rows");
  await check({ ...summary, outputs });

  expect(Object.keys(failures())).toEqual([`inventory/${folder} files`]);
});

test.each([
  { images: 59, labels: 3 },
  { images: 60, labels: 2 },
])("refuses a selection of $images images of $labels labels", async (found) => {
  await check({ ...summary, selected: { ...summary.selected, ...found } });

  expect(failures()).toEqual({
    "inventory selection": `planned 60 images of 3 labels, found ${found.images} of ${found.labels}`,
  });
});

test("refuses counts that do not add up", async () => {
  await check({ ...summary, images: 68 });

  expect(failures()).toEqual({ "inventory counts": "expected 68, the CSV adds up to 67" });
});

test.each([
  [
    "has a quote that nobody closes",
    'split,label,count\nTraining,"Apple,67\n',
    /the CSV is malformed: Quote Not Closed/,
  ],
  ["has no counts", "split,label\nTraining,Apple\n", /the CSV adds up to NaN/],
])("refuses a CSV that %s", async (_, csv, message) => {
  write("stats/part-00001.csv", csv);

  await check();

  expect(failures()).toEqual({ "inventory counts": expect.stringMatching(message) });
});

test("does not count files that are not CSV", async () => {
  s3.objects.clear();
  write("metadata/_SUCCESS", "");
  write("stats/_SUCCESS", "");

  await check();

  expect(failures()).toEqual({
    "inventory/metadata files": "0 .csv file(s)",
    "inventory/stats files": "0 .csv file(s)",
    "inventory counts": "expected 67, the CSV adds up to 0",
  });
});

test("refuses a report without its figures", async () => {
  expect(await check({ selected: {} })).toBeUndefined();

  const detail = failures()["inventory/summary.json"];
  for (const name of ["images", "labels", "selected.images", "selected.labels", "selected.fingerprint"])
    expect(detail).toContain(`${name}: `);
});
