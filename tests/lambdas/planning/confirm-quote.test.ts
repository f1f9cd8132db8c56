import { beforeEach, expect, test } from "vitest";
import type { Plan } from "../../../lambdas/contract/plan.ts";
import { confirmQuote } from "../../../lambdas/planning/confirm-quote.ts";
import { estimatedWarning } from "../../../lambdas/planning/selection-warnings.ts";
import { QuoteExceeded } from "../../../lambdas/runtime/errors.ts";
import { S3Double } from "../../doubles/s3.ts";
import { aPlan } from "../fixtures.ts";

let s3: S3Double;
beforeEach(() => {
  s3 = new S3Double();
});

const region = { AWS_REGION: "eu-west-1" };

/** Confirms a plan of 60 images after the Inventory step has found some number of them. */
function confirm(images: number, changes: Partial<Plan> = {}): Promise<Plan> {
  const selected = { images, labels: 3, bytes: 1_000 * images, fingerprint: "e".repeat(64) };
  s3.writeJson("runs/run-1/inventory/summary.json", { images: images + 7, labels: 4, selected });
  return confirmQuote(aPlan("data", { maxCostUsd: 20, newImages: 60, ...changes }), region, s3.client);
}

test("a run with the planned number of images keeps its quote and time limits", async () => {
  const plan = aPlan("data", { maxCostUsd: 20, newImages: 60 });

  const confirmed = await confirm(60);

  const selection = "e".repeat(64);
  expect(confirmed).toEqual({ ...plan, selection, confirmed: true, estimate: confirmed.estimate });
  const { usd, minutes, usdAtMost } = plan.estimate;
  expect(confirmed.estimate).toMatchObject({ usd, minutes, usdAtMost });
});

test("the counts, the quote and the time limits become those of the images that were found", async () => {
  const counts = { images: 900_000, labels: 3, bytes: 9, estimated: true };

  const confirmed = await confirm(1_000_000, { counts, selection: null, newImages: 450_000 });

  expect(confirmed.counts).toEqual({ images: 1_000_000, labels: 3, bytes: 1_000_000_000 });
  expect(confirmed.newImages).toBe(500_000);
  const before = aPlan("data");
  expect(confirmed.estimate.minutes).toBeGreaterThan(before.estimate.minutes);
  expect(confirmed.stepLimits.features.seconds).toBeGreaterThan(before.stepLimits.features.seconds);
});

test("a slower model takes longer", async () => {
  const { model } = aPlan("data");

  const [usual, slower] = await Promise.all([
    confirm(1_000_000),
    confirm(1_000_000, { model: { ...model, relativeTime: 3 } }),
  ]);

  expect(slower.estimate.minutes).toBeGreaterThan(2 * usual.estimate.minutes);
});

test("the warnings say what has changed, and no longer that the counts are estimated", async () => {
  const counts = { images: 50, labels: 3, bytes: 9, estimated: true };
  const warnings = ["a warning of Preflight", estimatedWarning(counts)];
  const selected = { images: 60, labels: 3, fingerprint: "e" };
  const find = async (later: number, changed: number | null): Promise<readonly string[]> => {
    s3.writeJson("runs/run-1/inventory/summary.json", { images: 60, labels: 3, selected, later, changed });
    return (await confirmQuote(aPlan("data", { counts, warnings }), region, s3.client)).warnings;
  };

  expect(await find(0, null)).toEqual(["a warning of Preflight"]);
  expect(await find(1_200, 1)).toEqual([
    "a warning of Preflight",
    "1,200 images were added or overwritten after the plan: the next run takes them",
    "At least 1 image was deleted or overwritten after the plan",
  ]);
});

test("a run that would cost more than its ceiling is stopped, with both numbers", async () => {
  const plan = { counts: { images: 60, labels: 3, bytes: 9, estimated: true }, maxCostUsd: 0.5 };

  await expect(confirm(5_000_000, plan)).rejects.toThrow(QuoteExceeded);
  await expect(confirm(5_000_000, plan)).rejects.toThrow(
    /^maxCostUsd: the run was planned with about 60 images for 0\.\d\d USD\. The Inventory step has found 5,000,000 images, which are estimated at \d+\.\d\d USD; the ceiling is 0\.5 USD .*Raise maxCostUsd, or give a limit$/s,
  );
});

test("the time for which a cluster is kept counts", async () => {
  await expect(confirm(60, { keepMinutes: 600, maxCostUsd: 0.5 })).rejects.toThrow(QuoteExceeded);
});

test("a run that ends with its inventory is not stopped", async () => {
  const steps = { inventory: true, features: false, reduction: false, any: true };

  expect(await confirm(5_000_000, { steps, maxCostUsd: 0.01 })).toMatchObject({ counts: { images: 5_000_000 } });
});

test("a plan from before it has no ceiling", async () => {
  const { maxCostUsd, newImages, ...older } = aPlan("data", { maxCostUsd: 1, newImages: 1 });
  s3.writeJson("runs/run-1/inventory/summary.json", {
    images: 5_000_000,
    labels: 1,
    selected: { images: 5_000_000, labels: 1, fingerprint: "e" },
  });

  expect(await confirmQuote(older, region, s3.client)).toMatchObject({ counts: { images: 5_000_000 } });
  expect([maxCostUsd, newImages]).toEqual([1, 1]);
});

test("a summary that is missing is an error", async () => {
  await expect(confirmQuote(aPlan("data"), region, s3.client)).rejects.toMatchObject({ name: "NoSuchKey" });
});
