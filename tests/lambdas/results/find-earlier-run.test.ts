import { GetObjectCommand } from "@aws-sdk/client-s3";
import { beforeEach, expect, test, vi } from "vitest";
import type { Plan } from "../../../lambdas/contract/plan.ts";
import { findEarlierRun, indexRun, type Reuse } from "../../../lambdas/results/earlier-runs.ts";
import { S3Double } from "../../doubles/s3.ts";
import { aPlan, aValidation } from "../fixtures.ts";

let s3: S3Double;
beforeEach(async () => {
  s3 = new S3Double();
});

const features = "s3://data/runs/run-1/features/parquet";

/** Finishes the run run-1 of 50 images, one of which is bad. */
async function finish(changes: Partial<Plan> = {}): Promise<void> {
  const plan = aPlan("data", changes);
  const validation = aValidation({ errorRate: 0.02, variance: 0.93 });
  s3.writeJson(`runs/${plan.runId}/manifest.json`, { selection: plan.selection, validation, plan });
  await indexRun(s3.client, plan, plan.selection ?? "");
}

function find(changes: Partial<Plan> = {}): Promise<Reuse> {
  const plan = aPlan("data", { runId: "run-2", ...changes });
  return findEarlierRun(s3.client, { ...plan, selection: plan.selection ?? "" });
}

test.each([
  [0.02, null, true],
  [0.02, 0.93, true],
  [0.0199, null, false],
  [0.02, 0.931, false],
])(
  "a run with an error rate of 0.02 and a variance of 0.93 meets %d and %d: %s",
  async (maxErrorRate, minVariance, isReused) => {
    await finish();

    const { reuse, features: found } = await find({ quality: { maxErrorRate, minVariance } });

    expect(reuse?.run).toBe(isReused ? "s3://data/runs/run-1/" : undefined);
    expect(found).toBe(features);
  },
);

test("a run without one of the requested formats is not reused, and neither are its features", async () => {
  await finish({ formats: ["parquet"] });

  expect(await find({ formats: ["parquet", "csv"] })).toEqual({ reuse: null, features: null });
  expect((await find({ formats: ["parquet"] })).features).toBe(features);
});

test("a run with the same PCA is preferred to the first one of the index", async () => {
  await finish({ runId: "run-0", run: "s3://data/runs/run-0/", pca: { components: 2 } });
  await finish({ pca: { components: 50 } });

  expect((await find({ pca: { components: 50 } })).reuse?.run).toBe("s3://data/runs/run-1/");
  expect(await find({ pca: { variance: 0.9 } })).toEqual({
    reuse: null,
    features: "s3://data/runs/run-0/features/parquet",
  });
});

test.each([
  ["reference", 79, true],
  ["reference", 81, false],
  ["copy", 1000, true],
] as const)("a run with a %s that is %d days old is reused: %s", async (reusedFeatures, days, isReused) => {
  await finish({ reusedFeatures });
  const manifest = JSON.parse(s3.readText("runs/run-1/manifest.json")) as object;
  const checkedAt = new Date(Date.now() - days * 86_400_000).toISOString();
  s3.writeJson("runs/run-1/manifest.json", { ...manifest, checkedAt });

  expect((await find({ pca: { components: 2 } })).features).toBe(isReused ? features : null);
});

test("a deleted or malformed run is passed over", async () => {
  await finish();
  s3.write("runs/run-1/manifest.json", "{");
  expect(await find()).toEqual({ reuse: null, features: null });

  s3.objects.delete("runs/run-1/manifest.json");
  expect(await find()).toEqual({ reuse: null, features: null });
});

test("the features of a run that only reduced are those of the run that computed them", async () => {
  await finish();
  await finish({ runId: "run-3", run: "s3://data/runs/run-3/", pca: { variance: 0.9 }, features });
  s3.objects.delete([...s3.objects.keys()].find((key) => key.endsWith("components-50.json")) ?? "");

  expect((await find({ pca: { components: 2 } })).features).toBe(features);
});

test("runs with different shares of the variance are both in the index", async () => {
  await finish({ pca: { variance: 0.9 } });
  await finish({ runId: "run-3", run: "s3://data/runs/run-3/", pca: { variance: 0.8 } });

  expect((await find({ pca: { variance: 0.9 } })).reuse?.run).toBe("s3://data/runs/run-1/");
});

test("an index that may not be read is an error", async () => {
  await finish();
  const denied = new Error("AccessDenied");
  const { send } = s3.client;
  vi.spyOn(s3.client, "send").mockImplementation(async (command: unknown) => {
    if (command instanceof GetObjectCommand) throw denied;
    return send(command);
  });

  await expect(find()).rejects.toBe(denied);
});
