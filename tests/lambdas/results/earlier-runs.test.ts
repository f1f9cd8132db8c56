import { beforeEach, expect, test } from "vitest";
import { sha256 } from "../../../lambdas/aws/s3.ts";
import { clusterDefaultsSchema } from "../../../lambdas/contract/cluster-knobs.ts";
import { decoderVersion } from "../../../lambdas/contract/decoder.ts";
import type { Plan } from "../../../lambdas/contract/plan.ts";
import { runUri } from "../../../lambdas/contract/s3-layout.ts";
import type { Validation } from "../../../lambdas/contract/validation.ts";
import { parseInput } from "../../../lambdas/preflight/parse-input.ts";
import type { PreflightClients, PreflightConfig } from "../../../lambdas/preflight/preflight-context.ts";
import { reusable, survey } from "../../../lambdas/preflight/survey.ts";
import { indexRun } from "../../../lambdas/results/earlier-runs.ts";
import { S3Double } from "../../doubles/s3.ts";
import { aPlan, aValidation, labels, modelDescription } from "../fixtures.ts";

const bucket = "data";
const model = "a model";
let s3: S3Double;
let config: PreflightConfig;

beforeEach(() => {
  s3 = new S3Double();
  for (const label of labels) {
    for (const file of ["0_100.jpg", "1_100.JPG"]) s3.write(`data/raw/Training/${label}/${file}`, `${label}/${file}`);
  }
  // survey() reads only these members.
  config = {
    DATA_BUCKET: bucket,
    MODEL_SHA256: sha256(model),
    MODEL_DESCRIPTION: modelDescription,
    CLUSTER_DEFAULTS: clusterDefaultsSchema.parse({}),
  } as PreflightConfig;
});

const input = { mode: "full", pca: { components: 2 } };
const defaults = { bucket, inputPrefix: "data/raw/", maxCostUsd: 20, maxKeepMinutes: 120, pcaComponents: 50 };

/** Plans a run as Preflight does, without a cluster of its own. */
async function planRun(runId: string, changes: object = {}): Promise<Plan> {
  const resolved = parseInput({ ...input, ...changes }, defaults);
  const clients = { s3: s3.client } as unknown as PreflightClients;
  const found = await survey(resolved, config, clients);
  const { earlier, selected, formats, steps, store, model: deployed, precision } = found;
  const { counts, fingerprint: selection } = selected;
  const { mode, pca, maxMegapixels, exifRotation, jpegDraft, quality } = resolved;
  const planned = { counts, selection, steps, store, model: deployed, precision, ...reusable(earlier) };
  return aPlan(bucket, {
    runId,
    run: runUri(bucket, runId),
    mode,
    pca,
    formats,
    maxMegapixels,
    exifRotation,
    jpegDraft,
    quality,
    ...planned,
  });
}

/** Writes the files of a valid run that ValidateResults writes. */
async function finish(plan: Plan, changes: Partial<Validation> = {}): Promise<Validation> {
  const { images, labels: labelCount } = plan.counts;
  const found = { images, labels: labelCount, errors: 0, errorRate: 0, computed: images, reused: 0 };
  const validation = aValidation({ ...found, components: 2, results: plan.run, ...changes });
  const { selection } = plan;
  s3.writeJson(`runs/${plan.runId}/manifest.json`, { selection, validation, plan });
  await indexRun(s3.client, plan, selection ?? "");
  return validation;
}

const everything = { inventory: true, features: true, reduction: true, any: true };
const reductionOnly = { inventory: false, features: false, reduction: true, any: true };
const nothing = { inventory: false, features: false, reduction: false, any: false };

test("a run with the same input has nothing to do", async () => {
  const first = await planRun("first");
  expect(first).toMatchObject({ steps: everything, features: null, reuse: null });
  const validation = await finish(first);

  const again = await planRun("again");

  expect(again).toMatchObject({ steps: nothing, reuse: { run: first.run, validation } });
});

test("a run with another PCA reduces the existing features", async () => {
  const first = await planRun("first");
  await finish(first);

  const second = await planRun("second", { pca: { variance: 0.9 } });

  expect(second).toMatchObject({ steps: reductionOnly, features: `${first.run}features/parquet`, reuse: null });
  // Later runs find both, and the features of the first.
  await finish(second);
  expect(await planRun("third")).toMatchObject({ steps: nothing, reuse: { run: first.run } });
  expect(await planRun("fourth", { pca: { variance: 0.9 } })).toMatchObject({
    steps: nothing,
    reuse: { run: second.run },
  });
  expect(await planRun("fifth", { pca: { components: 3 } })).toMatchObject({ features: second.features });
});

test.each([
  ["a new image", "Training/Banana/2.jpg"],
  ["a changed image", "Training/Banana/0_100.jpg"],
])("%s requires all steps", async (_, key) => {
  await finish(await planRun("first"));

  s3.write(`data/raw/${key}`, "another content");

  expect(await planRun("second")).toMatchObject({ steps: everything, features: null, reuse: null });
});

test("a removed image requires all steps, until it is back", async () => {
  await finish(await planRun("first"));
  const key = "data/raw/Training/Banana/0_100.jpg";
  s3.objects.delete(key);

  expect(await planRun("second")).toMatchObject({ steps: everything, counts: { images: 5 } });

  s3.write(key, "Banana/0_100.jpg");
  expect(await planRun("third")).toMatchObject({ steps: nothing });
});

test.each([
  ["force", { force: true }],
  ["another selection", { limit: 5 }],
])("%s in the input requires all steps", async (_, changes) => {
  await finish(await planRun("first"));

  expect(await planRun("second", changes)).toMatchObject({ steps: everything, features: null, reuse: null });
});

test.each([
  ["no image is unusable", 0, { steps: nothing }],
  ["an image may have been too large", 1, { steps: everything, features: null }],
])("a higher limit of pixels counts if %s", async (_, errors, expected) => {
  await finish(await planRun("first", { maxMegapixels: 50 }), { errors });

  expect(await planRun("second", { maxMegapixels: 51 })).toMatchObject({ ...expected, maxMegapixels: 51 });
});

test("an inventory always runs", async () => {
  await finish(await planRun("first", { splits: ["Training"] }));

  expect(await planRun("second", { mode: "inventory", splits: ["Training"] })).toMatchObject({
    steps: { inventory: true, features: false, reduction: false, any: true },
  });
});

test("another model requires all steps, and has its own features store", async () => {
  await finish(await planRun("first"));
  const other = sha256("another model");
  config = { ...config, MODEL_SHA256: other };

  const second = await planRun("second");

  expect(second.steps).toEqual(everything);
  expect(second.store).toBe(`s3://data/features-store/model=${other}/decoder=${decoderVersion}/`);
});

test.each([
  [{ preprocessing: "caffe" }, "224-caffe"],
  [{ inputSize: 96 }, "96-tf"],
] as const)("the same model with another input (%o) has its own features store", async (changes, expectedInput) => {
  await finish(await planRun("first"));
  config = { ...config, MODEL_DESCRIPTION: { ...modelDescription, ...changes } };

  const second = await planRun("second");

  expect(second.steps).toEqual(everything);
  const store = `model=${config.MODEL_SHA256}/decoder=${decoderVersion}-${expectedInput}`;
  expect(second.store).toBe(`s3://data/features-store/${store}/`);
});

test.each([
  [{ exifRotation: true }, "-exif"],
  [{ jpegDraft: true }, "-draft"],
  [{ precision: "bf16" }, "-bf16"],
  [{ precision: "bf16", jpegDraft: true }, "-draft-bf16"],
  [{ exifRotation: true, jpegDraft: true }, "-exif-draft"],
])("features with %j have their own store, and no other run reuses them", async (option, suffix) => {
  const first = await planRun("first", option);
  await finish(first);
  const store = `s3://data/features-store/model=${config.MODEL_SHA256}/decoder=${decoderVersion}`;
  expect(first.store).toBe(`${store}${suffix}/`);

  const second = await planRun("second");

  expect(second).toMatchObject({ steps: everything, features: null, store: `${store}/` });
  expect((await planRun("third", option)).steps).toEqual(nothing);
});

test("a format that the earlier run lacks requires all steps", async () => {
  await finish(await planRun("first", { formats: ["parquet"] }));

  expect(await planRun("second", { formats: ["parquet"] })).toMatchObject({ steps: nothing });
  expect(await planRun("third", { formats: ["csv"] })).toMatchObject({ steps: everything });
});

test("a run with stricter quality does not reuse the earlier reduction", async () => {
  await finish(await planRun("first"), { variance: 0.8, errorRate: 0.005 });

  expect((await planRun("a", { quality: { minVariance: 0.9 } })).steps).toEqual(reductionOnly);
  expect((await planRun("b", { quality: { maxErrorRate: 0 } })).steps).toEqual(reductionOnly);
  expect((await planRun("c", { quality: { minVariance: 0.8 } })).steps).toEqual(nothing);
});

test.each([undefined, "no JSON", JSON.stringify({ selection: null })])(
  "an earlier run whose manifest is %j is not reused",
  async (manifest) => {
    const first = await planRun("first");
    await finish(first);
    const key = "runs/first/manifest.json";
    if (manifest === undefined) s3.objects.delete(key);
    else s3.write(key, manifest);

    expect(await planRun("second")).toMatchObject({ steps: everything, features: null, reuse: null });
  },
);

test("a run whose name was used again for other images is not reused", async () => {
  await finish(await planRun("first"));
  await finish(await planRun("first", { mode: "apples" }));

  expect(await planRun("second")).toMatchObject({ steps: everything });
});
