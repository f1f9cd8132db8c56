import { mkdtempSync, rmSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, NoSuchKey } from "@aws-sdk/client-s3";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { decoderVersion } from "../../lambdas/contract/decoder.ts";
import type { Plan } from "../../lambdas/contract/plan.ts";
import type { Validation } from "../../lambdas/contract/validation.ts";
import { ResultsInvalid } from "../../lambdas/runtime/errors.ts";
import { validateResults } from "../../lambdas/validate-results.ts";
import { anExecution, aPlan, createBucket, putObject } from "./fixtures.ts";
import { measured } from "./measured.ts";
import { python, startMinistack } from "./ministack.ts";

const faults = ["none", "missing-row", "narrow-row", "nan", "null", "narrow-feature", "column"] as const;
type Fault = (typeof faults)[number];

const folder = mkdtempSync(join(tmpdir(), "orchard-results-"));
const account = await startMinistack();
let bucket: string;

beforeAll(async () => {
  const script = join(import.meta.dirname, "make_results.py");
  await Promise.all(faults.map((fault) => execa(python, [script, join(folder, fault), fault])));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  bucket = await createBucket(account);
});

async function upload(fault: Fault): Promise<void> {
  const from = join(folder, fault);
  for (const file of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const path = join(file.parentPath, file.name);
    await putObject(account, bucket, `runs/run-1/${path.slice(from.length + 1)}`, await readFile(path));
  }
}

async function read(key: string): Promise<unknown> {
  const { Body } = await account.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return JSON.parse((await Body?.transformToString()) ?? "");
}

async function editJson(path: string, changes: object): Promise<void> {
  const value = { ...((await read(`runs/run-1/${path}`)) as object), ...changes };
  await putObject(account, bucket, `runs/run-1/${path}`, JSON.stringify(value));
}

function validate(changes: Partial<Plan> = {}): Promise<Validation> {
  return validateResults({ state: { plan: aPlan(bucket, changes) }, execution: anExecution() }, account.s3);
}

/** The failed checks of a refused run, which is marked as such and which nothing points at. */
async function refusal(changes: Partial<Plan> = {}): Promise<string> {
  const error = await validate(changes).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ResultsInvalid);
  const { failed } = (await read("runs/run-1/invalid.json")) as { failed: { name: string }[] };
  const { message } = error as Error;
  for (const { name } of failed) expect(message).toContain(name);
  await expect(read("runs/run-1/manifest.json")).rejects.toBeInstanceOf(NoSuchKey);
  await expect(read("runs/latest.json")).rejects.toBeInstanceOf(NoSuchKey);
  return message;
}

test("a sound run is accepted, gets its manifest, and is the latest", async () => {
  await upload("none");

  const validation = await validate();

  expect(validation).toEqual({
    images: 59,
    labels: 3,
    errors: 1,
    errorRate: 1 / 60,
    computed: 13,
    reused: 47,
    components: 50,
    variance: 0.93,
    warnings: [],
    results: `s3://${bucket}/runs/run-1/`,
  });
  expect(measured()).toEqual({
    Images: [validation.images, "Count"],
    ImageErrors: [validation.errors, "Count"],
    ImagesPerSecond: [expect.any(Number), "Count/Second"],
  });
  expect(await read("runs/run-1/manifest.json")).toMatchObject({ runId: "run-1", validation });
  expect(await read("runs/latest.json")).toEqual({ runId: "run-1", run: `s3://${bucket}/runs/run-1/` });
});

test("one NaN is refused", async () => {
  await upload("nan");

  expect(await refusal()).toMatch(/^1 of \d+ .*: finite: 1 value is not finite$/);
});

test("a missing row is refused", async () => {
  await upload("missing-row");

  expect(await refusal()).toMatch(/^1 of \d+ .*: pca\/parquet rows: expected 59, found 58$/);
});

test("a row of 49 numbers is refused", async () => {
  await upload("narrow-row");

  expect(await refusal()).toMatch(/^1 of \d+ .*: pca\/parquet dimensions: expected 59 x 50 = 2950 values, found 2949$/);
});

test("a null among the numbers is refused", async () => {
  await upload("null");

  expect(await refusal()).toMatch(/^1 of \d+ .*: pca\/parquet nulls: pca_features has 1 nulls$/);
});

test("a row of 1,279 features is refused", async () => {
  await upload("narrow-feature");

  expect(await refusal()).toMatch(
    /^1 of \d+ .*: features\/parquet dimensions: expected 59 x 1280 = 75520 values, found 75519$/,
  );
});

test("other columns are refused", async () => {
  await upload("column");

  expect(await refusal()).toMatch(/pca\/parquet columns: expected path,label,pca_features, found path,label,pca\n/);
});

test("a file that is no Parquet is refused", async () => {
  await upload("none");
  await putObject(account, bucket, "runs/run-1/pca/parquet/part-00002.parquet", "PAR1 or not");

  expect(await refusal()).toMatch(/^1 of \d+ .*: pca\/parquet: is no readable Parquet: /);
});

test("fewer images than planned are refused", async () => {
  await upload("none");

  const message = await refusal({ counts: { images: 61, labels: 3, bytes: 1 } });

  expect(message).toMatch(/inventory selection: planned 61 images of 3 labels, found 60 of 3/);
  expect(message).toMatch(/- images: planned 61, found 59 with features and 1 in errors/);
});

test("too many bad images are refused", async () => {
  await upload("none");

  expect(await refusal({ quality: { maxErrorRate: 0.01, minVariance: null } })).toMatch(
    /^1 of \d+ .*: error rate: 1 of 60 images are bad \(1\.67 %\), allowed are 1 %; the commonest reasons: empty file \(1\)$/,
  );
});

test("too little variance is refused when a minimum was asked for", async () => {
  await upload("none");

  expect(await refusal({ quality: { maxErrorRate: 0.02, minVariance: 0.95 } })).toMatch(
    /^1 of \d+ .*: minimum variance: kept 0\.93, asked for 0\.95$/,
  );
});

test("little variance is a warning when none was asked for", async () => {
  await upload("none");
  await editJson("model_info/model_info.json", { total_variance_explained: 0.8 });

  expect((await validate()).warnings).toEqual(["50 components keep 80.0 % of the variance, less than 90 %"]);
});

test("a share of the variance that was not reached is refused", async () => {
  await upload("none");

  expect(await refusal({ pca: { variance: 0.94 } })).toMatch(/^1 of .*: components: asked for \{"variance":0\.94\}/);
});

test("another number of components than asked for is refused", async () => {
  await upload("none");

  expect(await refusal({ pca: { components: 40 } })).toMatch(
    /^1 of .*: components: asked for \{"components":40\}, found 50/,
  );
});

test("a check that the job did not make is refused", async () => {
  await upload("none");
  await editJson("model_info/model_info.json", { checks: [] });

  expect(await refusal()).toMatch(/^5 of .*finite: the reduction did not check it/s);
});

test("another model is refused", async () => {
  await upload("none");
  await editJson("model_info/model_info.json", { model: { weights: "imagenet", sha256: "b".repeat(64) } });

  expect(await refusal()).toMatch(/^1 of .*: model: planned aaa.*, the job used bbb/);
});

test("seeded weights are a loud warning", async () => {
  await upload("none");
  await editJson("model_info/model_info.json", { model: { weights: "seeded", sha256: "a".repeat(64) } });

  expect((await validate()).warnings).toEqual([expect.stringMatching(/SEEDED RANDOM WEIGHTS/)]);
});

test.each(["inventory/summary.json", "features/summary.json", "model_info/model_info.json"])(
  "a run without %s is refused",
  async (path) => {
    await upload("none");
    await account.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: `runs/run-1/${path}` }));

    expect(await refusal()).toContain(`${path}: is not there`);
  },
);

test("NaN in a report, which is no JSON, is refused", async () => {
  await upload("none");
  await putObject(account, bucket, "runs/run-1/model_info/model_info.json", '{"total_variance_explained": NaN}');

  expect(await refusal()).toMatch(/model_info\.json: .* is no JSON/);
});

test("a run without the CSV files that were asked for is refused", async () => {
  await upload("none");
  await account.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: "runs/run-1/pca/csv/part-00000.csv" }));

  expect(await refusal()).toMatch(/^1 of .*: pca\/csv files: 0 \.csv file\(s\)$/);
});

test("an inventory is judged by its own outputs", async () => {
  await upload("none");

  expect(await validate({ mode: "inventory" })).toMatchObject({
    images: 60,
    labels: 3,
    components: null,
    variance: null,
  });
});

test("an inventory whose counts do not add up is refused", async () => {
  await upload("none");
  await editJson("inventory/summary.json", { images: 68 });

  expect(await refusal({ mode: "inventory" })).toMatch(
    /^1 of .*: inventory counts: expected 68, the CSV adds up to 67$/,
  );
});

const index = `runs/index/${"a".repeat(64)}/decoder=${decoderVersion}/${"f".repeat(64)}/`;

/** The keys of whatever the index holds. */
async function indexed(): Promise<readonly (string | undefined)[]> {
  const { Contents = [] } = await account.s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: "runs/index/" }));
  return Contents.map(({ Key }) => Key);
}

test("a valid run is found by later ones, under the fingerprint of the images that it used", async () => {
  await upload("none");

  await validate({ selection: "what Preflight found" });

  const run = `s3://${bucket}/runs/run-1/`;
  expect(await indexed()).toEqual([`${index}components-50.json`]);
  expect(await read(`${index}components-50.json`)).toMatchObject({ runId: "run-1", run, featuresRun: run });
  expect(await read("runs/run-1/manifest.json")).toMatchObject({ selection: "f".repeat(64) });
});

test("a run under which images changed is valid and not found by later ones", async () => {
  await upload("none");
  await editJson("features/summary.json", { changed: 1 });

  await validate();

  expect(await read("runs/run-1/manifest.json")).toMatchObject({ selection: null });
  expect(await indexed()).toEqual([]);
});

test("images that were neither computed nor reused are refused", async () => {
  await upload("none");
  await editJson("features/summary.json", { reused: 46 });

  expect(await refusal()).toMatch(/^1 of .*: images computed and reused: planned 60, found 13 computed and 46 reused$/);
});

/** A run that only reduced the features of run-1. */
function reductionOf(): Partial<Plan> {
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
    await putObject(account, bucket, `runs/run-2/${name}`, await readFile(path));
    await account.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: `runs/run-1/${name}` }));
  }
}

test("a run that only reduced is judged by its reduction and the features it reduced", async () => {
  await uploadReduction();

  const validation = await validate(reductionOf());

  expect(validation).toMatchObject({ images: 59, errors: 1, computed: 0, reused: 60, components: 50 });
  expect(validation.results).toBe(`s3://${bucket}/runs/run-2/`);
  expect(await read(`${index}components-50.json`)).toMatchObject({
    run: `s3://${bucket}/runs/run-2/`,
    featuresRun: `s3://${bucket}/runs/run-1/`,
  });
});

test("a run that only reduced features that are gone is refused", async () => {
  await uploadReduction();
  const Key = "runs/run-1/features/parquet/part-00001.snappy.parquet";
  await account.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key }));

  await expect(validate(reductionOf())).rejects.toThrow(/features\/parquet rows: expected 59, found 29/);
  expect(await indexed()).toEqual([]);
});
