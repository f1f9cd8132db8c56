import { DeleteObjectCommand } from "@aws-sdk/client-s3";
import { beforeEach, expect, test } from "vitest";
import { sha256 } from "../../../lambdas/aws/s3.ts";
import { decoderVersion } from "../../../lambdas/contract/decoder.ts";
import type { Plan } from "../../../lambdas/contract/plan.ts";
import type { Validation } from "../../../lambdas/contract/validation.ts";
import type { PreflightConfig } from "../../../lambdas/preflight/preflight-context.ts";
import { preflight } from "../../../lambdas/preflight/run-preflight.ts";
import { fingerprint } from "../../../lambdas/preflight/selection.ts";
import { indexRun } from "../../../lambdas/results/earlier-runs.ts";
import { anExecution, aValidation, createReadyAccount, putObject } from "../fixtures.ts";
import { startMinistack } from "../ministack.ts";

const account = await startMinistack();
let config: PreflightConfig;

beforeEach(async () => {
  config = await createReadyAccount(account);
});

const input = { mode: "full", pca: { components: 2 } };

function planRun(name: string, changes: object = {}): Promise<Plan> {
  return preflight({ state: { input: { ...input, ...changes } }, execution: anExecution(name) }, config, account);
}

/** Writes the files of a valid run that ValidateResults writes. */
async function finish(plan: Plan, changes: Partial<Validation> = {}): Promise<Validation> {
  const { images, labels } = plan.counts;
  const found = { images, labels, errors: 0, errorRate: 0, computed: images, reused: 0 };
  const validation = aValidation({ ...found, components: 2, results: plan.run, ...changes });
  const { selection, bucket } = plan;
  await putObject(account, bucket, `runs/${plan.runId}/manifest.json`, JSON.stringify({ selection, validation, plan }));
  await indexRun(account.s3, plan, selection);
  return validation;
}

const everything = { inventory: true, features: true, reduction: true, any: true };
const reductionOnly = { inventory: false, features: false, reduction: true, any: true };
const nothing = { inventory: false, features: false, reduction: false, any: false };

test("a run with the same input has nothing to do, and costs nothing", async () => {
  const first = await planRun("first");
  expect(first).toMatchObject({ steps: everything, features: null, reuse: null });
  const validation = await finish(first);

  const again = await planRun("again");

  expect(again).toMatchObject({ steps: nothing, reuse: { run: first.run, validation }, estimate: { usd: 0 } });
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

  await putObject(account, config.DATA_BUCKET, `data/raw/${key}`, "another content");

  expect(await planRun("second")).toMatchObject({ steps: everything, features: null, reuse: null });
});

test("a removed image requires all steps, until it is back", async () => {
  await finish(await planRun("first"));
  const Key = "data/raw/Training/Banana/0_100.jpg";
  await account.s3.send(new DeleteObjectCommand({ Bucket: config.DATA_BUCKET, Key }));

  expect(await planRun("second")).toMatchObject({ steps: everything, counts: { images: 5 } });

  await putObject(account, config.DATA_BUCKET, Key, "Banana/0_100.jpg");
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
  const model = "another model";
  await putObject(account, config.DATA_BUCKET, `artifacts/${sha256(model)}/model.tflite`, model);
  config = { ...config, MODEL_SHA256: sha256(model) };

  const second = await planRun("second");

  expect(second.steps).toEqual(everything);
  expect(second.store).toBe(
    `s3://${config.DATA_BUCKET}/features-store/model=${sha256(model)}/decoder=${decoderVersion}/`,
  );
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
    const Key = "runs/first/manifest.json";
    if (manifest === undefined) await account.s3.send(new DeleteObjectCommand({ Bucket: config.DATA_BUCKET, Key }));
    else await putObject(account, config.DATA_BUCKET, Key, manifest);

    expect(await planRun("second")).toMatchObject({ steps: everything, features: null, reuse: null });
  },
);

test("a run whose name was used again for other images is not reused", async () => {
  await finish(await planRun("first"));
  await finish(await planRun("first", { mode: "apples" }));

  expect(await planRun("second")).toMatchObject({ steps: everything });
});

test("the fingerprint depends on paths and etags, and not on the order of the listing", () => {
  const images = ["Training/B/é.jpg", "Training/B/z.jpg", "Training/B/😀.jpg", "Training/B/\ufb01.jpg"].map((path) => ({
    path,
    label: "B",
    bytes: 1,
    etag: `etag of ${path}`,
  }));
  const root = "s3://b/data/raw/";
  const lines = [1, 0, 3, 2].map((n) => `${root}${images[n]?.path}\tetag of ${images[n]?.path}\n`).join("");

  expect(fingerprint(root, images)).toBe(sha256(lines));
  expect(fingerprint(root, images.toReversed())).toBe(sha256(lines));
  expect(fingerprint(root, images.slice(1))).not.toBe(sha256(lines));
});
