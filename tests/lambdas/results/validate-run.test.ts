import { mkdtempSync, rmSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, inject, test, vi } from "vitest";
import { decoderVersion } from "../../../lambdas/contract/decoder.ts";
import type { Plan } from "../../../lambdas/contract/plan.ts";
import type { Validation } from "../../../lambdas/contract/validation.ts";
import { validateResults } from "../../../lambdas/results/validate-run.ts";
import { ResultsInvalid } from "../../../lambdas/runtime/errors.ts";
import { S3Double } from "../../doubles/s3.ts";
import { anExecution, aPlan, aValidation } from "../fixtures.ts";
import { measured } from "../measured.ts";
import { type Fault, makeResults } from "./make-results.ts";

const made = inject("madeResults");
const folder = made ?? mkdtempSync(join(tmpdir(), "orchard-results-"));
const bucket = "data";
const execution = anExecution();
let s3: S3Double;

beforeAll(async () => {
  if (made === undefined) await makeResults(folder);
});
afterAll(() => {
  if (made === undefined) rmSync(folder, { recursive: true });
});
beforeEach(() => {
  s3 = new S3Double();
});

async function upload(fault: Fault): Promise<void> {
  const from = join(folder, fault);
  for (const file of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const path = join(file.parentPath, file.name);
    s3.write(`runs/run-1/${path.slice(from.length + 1)}`, await readFile(path));
  }
}

/** Reads a Parquet file of the reduction with a fault. */
function readMade(fault: Fault, part: number): Promise<Uint8Array> {
  return readFile(join(folder, fault, "pca", "parquet", `part-0000${part}.snappy.parquet`));
}

function read(key: string): unknown {
  return JSON.parse(s3.readText(key));
}

async function editJson(path: string, changes: object): Promise<void> {
  const value = { ...(read(`runs/run-1/${path}`) as object), ...changes };
  s3.write(`runs/run-1/${path}`, JSON.stringify(value));
}

function validate(changes: Partial<Plan> = {}): Promise<Validation> {
  return validateResults({ state: { plan: aPlan(bucket, changes) }, execution }, s3.client);
}

/** Validates a run that must be refused, and returns the message. Asserts that the run is marked and is not the latest. */
async function refuse(changes: Partial<Plan> = {}): Promise<string> {
  const error = await validate(changes).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ResultsInvalid);
  const { failed } = read("runs/run-1/invalid.json") as { failed: { name: string }[] };
  const { message } = error as Error;
  for (const { name } of failed) expect(message).toContain(name);
  for (const key of ["runs/run-1/manifest.json", "runs/latest.json"]) expect(s3.objects.has(key)).toBe(false);
  return message;
}

test("accepts a valid run, which gets its manifest and becomes the latest", async () => {
  await upload("none");
  vi.useFakeTimers({ now: Date.parse(execution.startTime) + 590_000, toFake: ["Date"] });

  const validation = await validate().finally(() => vi.useRealTimers());

  expect(validation).toEqual(aValidation({ results: `s3://${bucket}/runs/run-1/` }));
  expect(measured()).toEqual({
    Images: [validation.images, "Count"],
    ImageErrors: [validation.errors, "Count"],
    ImagesPerSecond: [0.1, "Count/Second"],
  });
  expect(read("runs/run-1/manifest.json")).toMatchObject({ runId: "run-1", validation });
  expect(read("runs/latest.json")).toEqual({ runId: "run-1", run: `s3://${bucket}/runs/run-1/` });
});

test("refuses a NaN", async () => {
  await upload("nan");

  expect(await refuse()).toMatch(/^1 of \d+ .*: finite: 1 value is not finite$/);
});

test("refuses a missing row", async () => {
  await upload("missing-row");

  expect(await refuse()).toMatch(/^1 of \d+ .*: pca\/parquet rows: expected 59, found 58$/);
});

test("refuses a row of 49 numbers", async () => {
  await upload("narrow-row");

  expect(await refuse()).toMatch(/^1 of \d+ .*: pca\/parquet dimensions: expected 59 x 50 = 2950 values, found 2949$/);
});

test("refuses a null among the numbers", async () => {
  await upload("null");

  expect(await refuse()).toMatch(/^1 of \d+ .*: pca\/parquet nulls: pca_features has 1 nulls$/);
});

test("refuses a row of 1,279 features", async () => {
  await upload("narrow-feature");

  expect(await refuse()).toMatch(
    /^1 of \d+ .*: features\/parquet dimensions: expected 59 x 1280 = 75520 values, found 75519$/,
  );
});

test("refuses other columns", async () => {
  await upload("column");

  expect(await refuse()).toMatch(/pca\/parquet columns: expected path,label,pca_features, found path,label,pca\n/);
});

test("refuses files of different columns, although the first has the expected ones", async () => {
  await upload("none");
  s3.write("runs/run-1/pca/parquet/part-00001.snappy.parquet", await readMade("column", 1));

  expect(await refuse()).toMatch(
    /pca\/parquet columns: expected path,label,pca_features, found path,label,pca_features and path,label,pca\n/,
  );
});

test.each([0, 1])("refuses part %i of the features without the number of nulls", async (part) => {
  await upload("none");
  s3.write("runs/run-1/pca/parquet/_SUCCESS", "");
  s3.write(`runs/run-1/pca/parquet/part-0000${part}.snappy.parquet`, await readMade("no-statistics", part));

  expect(await refuse()).toMatch(/^3 of .*\n- pca\/parquet nulls: pca_features has an unknown number of nulls$/s);
});

test("refuses a file that is not Parquet", async () => {
  await upload("none");
  s3.write("runs/run-1/pca/parquet/part-00002.parquet", "PAR1 or not");

  expect(await refuse()).toMatch(/^1 of \d+ .*: pca\/parquet: is not readable as Parquet: /);
});

test("refuses fewer images than planned", async () => {
  await upload("none");

  const message = await refuse({ counts: { images: 61, labels: 3, bytes: 1 } });

  expect(message).toMatch(/inventory selection: planned 61 images of 3 labels, found 60 of 3/);
  expect(message).toMatch(/- images: planned 61, found 59 with features and 1 in errors/);
});

test("refuses too many bad images", async () => {
  await upload("none");

  expect(await refuse({ quality: { maxErrorRate: 0.01, minVariance: null } })).toMatch(
    /^1 of \d+ .*: error rate: 1 of 60 images are bad \(1\.67 %\), the limit is 1 %; the commonest reasons: empty file \(1\), such as Training\/Apple 1\/empty\.jpg$/,
  );
});

test("refuses a report that lacks the job's checks", async () => {
  await upload("none");
  await editJson("model_info/model_info.json", { checks: [] });

  expect(await refuse()).toMatch(/^5 of .*finite: the reduction step did not report this check/s);
});

test.each(["inventory/summary.json", "features/summary.json", "model_info/model_info.json"])(
  "refuses a run without %s",
  async (path) => {
    await upload("none");
    s3.objects.delete(`runs/run-1/${path}`);

    expect(await refuse()).toContain(`${path}: does not exist`);
    if (path.startsWith("inventory")) expect(await refuse({ mode: "inventory" })).toContain(`${path}: does not exist`);
  },
);

test("refuses a report with NaN, which is not JSON", async () => {
  await upload("none");
  s3.write("runs/run-1/model_info/model_info.json", '{"total_variance_explained": NaN}');

  expect(await refuse()).toMatch(/model_info\.json: .* is not valid JSON/);
});

test("refuses a run without the requested CSV files", async () => {
  await upload("none");
  s3.objects.delete("runs/run-1/pca/csv/part-00000.csv");

  expect(await refuse()).toMatch(/^1 of .*: pca\/csv files: 0 \.csv file\(s\)$/);
});

test("accepts an inventory by its own outputs", async () => {
  await upload("none");

  expect(await validate({ mode: "inventory" })).toMatchObject({
    images: 60,
    labels: 3,
    components: null,
    variance: null,
  });
});

const index = `runs/index/${"a".repeat(64)}/decoder=${decoderVersion}/${"f".repeat(64)}/`;

/** Lists the keys of the index. */
function listIndex(): readonly string[] {
  return [...s3.objects.keys()].filter((key) => key.startsWith("runs/index/"));
}

test("adds a valid run to the index, under the fingerprint of the images that it used", async () => {
  await upload("none");

  await validate({ selection: "found by Preflight" });

  const run = `s3://${bucket}/runs/run-1/`;
  expect(listIndex()).toEqual([`${index}components-50.json`]);
  expect(read(`${index}components-50.json`)).toMatchObject({ runId: "run-1", run, featuresRun: run });
  expect(read("runs/run-1/manifest.json")).toMatchObject({ selection: "f".repeat(64) });
});

test("accepts a run during which images changed, but does not add it to the index", async () => {
  await upload("none");
  await editJson("features/summary.json", { changed: 1 });

  await validate();

  expect(read("runs/run-1/manifest.json")).toMatchObject({ selection: null });
  expect(listIndex()).toEqual([]);
});

test("accepts a run that refers to the features of reused images, and counts these, too", async () => {
  await upload("reference");
  await expect(validate({ formats: ["parquet"], reusedFeatures: "reference" })).resolves.toMatchObject({ images: 59 });

  await editJson("features/summary.json", { referenced: 41 });
  await expect(validate({ formats: ["parquet"], reusedFeatures: "reference" })).rejects.toThrow(
    /^2 of .*:\n- features\/parquet rows: expected 18, found 19\n- features\/reference rows: expected 41, found 40$/,
  );
});

test("refuses images that were neither computed nor reused", async () => {
  await upload("none");
  await editJson("features/summary.json", { reused: 46 });

  expect(await refuse()).toMatch(/^1 of .*: images computed and reused: planned 60, found 13 computed and 46 reused$/);
});

/** Members of the plan of run-2, which only reduces the features of run-1. */
function reductionPlan(): Partial<Plan> {
  return {
    runId: "run-2",
    run: `s3://${bucket}/runs/run-2/`,
    features: `s3://${bucket}/runs/run-1/features/parquet`,
    steps: { inventory: false, features: false, reduction: true, any: true },
  };
}

async function uploadReduction(): Promise<void> {
  await upload("none");
  const from = join(folder, "none");
  for (const file of await readdir(from, { recursive: true, withFileTypes: true })) {
    const path = join(file.parentPath, file.name);
    const name = path.slice(from.length + 1);
    if (!file.isFile() || !/^(pca|model_info)/.test(name)) continue;
    s3.write(`runs/run-2/${name}`, await readFile(path));
    s3.objects.delete(`runs/run-1/${name}`);
  }
}

test("accepts a run that only reduced, by its reduction and the features of the earlier run", async () => {
  await uploadReduction();

  const validation = await validate(reductionPlan());

  expect(validation).toMatchObject({ images: 59, errors: 1, computed: 0, reused: 60, components: 50 });
  expect(validation.results).toBe(`s3://${bucket}/runs/run-2/`);
  expect(read(`${index}components-50.json`)).toMatchObject({
    run: `s3://${bucket}/runs/run-2/`,
    featuresRun: `s3://${bucket}/runs/run-1/`,
  });
});

test("refuses a run that only reduced, if the features of the earlier run are gone", async () => {
  await uploadReduction();
  const Key = "runs/run-1/features/parquet/part-00001.snappy.parquet";
  s3.objects.delete(Key);

  await expect(validate(reductionPlan())).rejects.toThrow(/features\/parquet rows: expected 59, found 29/);
  expect(listIndex()).toEqual([]);
});
