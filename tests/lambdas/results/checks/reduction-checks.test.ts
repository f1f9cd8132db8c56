import { expect, test } from "vitest";
import type { JobCheck } from "../../../../lambdas/contract/job-reports.ts";
import type { Plan } from "../../../../lambdas/contract/plan.ts";
import { seededWarning } from "../../../../lambdas/contract/seeded-weights.ts";
import type { Validation } from "../../../../lambdas/contract/validation.ts";
import { checkReduction } from "../../../../lambdas/results/checks/reduction-checks.ts";
import { Findings } from "../../../../lambdas/results/findings.ts";
import { S3Double } from "../../../doubles/s3.ts";
import { aPlan } from "../../fixtures.ts";

const model = { weights: "imagenet", sha256: "a".repeat(64) };
const info = {
  pca_components: 50,
  original_dimensions: 1280,
  reduced_dimensions: 50,
  total_variance_explained: 0.93,
  num_images_processed: 59,
  model,
  labels: 3,
  errors: 1,
  checks: ["row_count", "dimensions", "finite", "unique_paths", "variance"].map((name) => ({
    name,
    ok: true,
    detail: "fine",
  })),
};

interface Checked {
  readonly figures: Omit<Validation, "computed" | "reused"> | undefined;
  readonly checks: readonly JobCheck[];
  /** Details of the failed checks by name. */
  readonly failed: Readonly<Record<string, string>>;
}

/** Checks a reduction of 60 images, by default without its files. */
async function check(report: unknown, plan: Partial<Plan> = {}): Promise<Checked> {
  const s3 = new S3Double();
  s3.writeJson("runs/run-1/model_info/model_info.json", report);
  const findings = new Findings(s3.client, { bucket: "data", key: "runs/run-1/" });
  const figures = await checkReduction(findings, aPlan("data", { formats: [], ...plan }));
  const { checks } = findings;
  return {
    figures,
    checks,
    failed: Object.fromEntries(checks.filter(({ ok }) => !ok).map(({ name, detail }) => [name, detail])),
  };
}

async function failures(changes: object, plan: Partial<Plan> = {}): Promise<Checked["failed"]> {
  return (await check({ ...info, ...changes }, plan)).failed;
}

test("takes the figures from the report", async () => {
  expect(await check(info)).toMatchObject({
    figures: {
      images: 59,
      labels: 3,
      errors: 1,
      errorRate: 1 / 60,
      components: 50,
      variance: 0.93,
      warnings: [],
      results: "s3://data/runs/run-1/",
    },
    failed: {},
  });
});

test.each([
  [{ components: 50 }, 50, 0.1, true],
  [{ components: 50 }, 49, 0.99, false],
  [{ variance: 0.93 }, 7, 0.94, true],
  [{ variance: 0.93 }, 1, 0.93, true],
  // The sum of the ratios is rounded.
  [{ variance: 0.93 }, 7, 0.93 - 5e-10, true],
  [{ variance: 0.93 }, 7, 0.93 - 2e-9, false],
  [{ variance: 0.93 }, 0, 0.94, false],
])("for the PCA %j, %i components that keep %d are enough: %s", async (pca, components, variance, isEnough) => {
  const changes = { reduced_dimensions: components, total_variance_explained: variance };
  const detail = `requested ${JSON.stringify(pca)}, found ${components} components that keep ${variance}`;

  expect(await failures(changes, { pca })).toEqual(isEnough ? {} : { components: detail });
});

test.each([
  [58, 1],
  [60, 1],
])("refuses %i reduced images and %i in errors of 60", async (images, errors) => {
  expect(await failures({ num_images_processed: images, errors })).toEqual({
    "images reduced": `planned 60, found ${images} reduced and ${errors} in errors`,
  });
});

test("refuses a report that lacks one of the job's checks, and one that failed", async () => {
  const checks = info.checks.map((given) =>
    given.name === "finite" ? { ...given, ok: false, detail: "1 NaN" } : given,
  );

  expect(await failures({ checks: checks.slice(0, -1) })).toEqual({
    finite: "1 NaN",
    variance: "the reduction step did not report this check",
  });
});

test("refuses another model", async () => {
  expect(await failures({ model: { ...model, sha256: "b".repeat(64) } })).toEqual({
    model: `planned ${"a".repeat(64)}, the job used ${"b".repeat(64)}`,
  });
});

test.each([
  [0.93, {}],
  [0.95, { "minimum variance": "kept 0.93, the minimum is 0.95" }],
])("compares the variance with the minimum %d", async (minVariance, expected) => {
  expect(await failures({}, { quality: { maxErrorRate: 0.02, minVariance } })).toEqual(expected);
});

test("makes no check of the variance without a minimum", async () => {
  expect((await check(info)).checks.map(({ name }) => name)).not.toContain("minimum variance");
});

test.each([
  ["imagenet", 0.9, []],
  ["file", 0.9, []],
  ["imagenet", 0.899, ["50 components keep 89.9 % of the variance, less than 90 %"]],
  ["imagenet", 0.89996, ["50 components keep 89.996 % of the variance, less than 90 %"]],
  ["seeded", 0.9, [seededWarning]],
])("warns of %s weights and a variance of %d", async (weights, variance, warnings) => {
  const report = { ...info, model: { ...model, weights }, total_variance_explained: variance };

  expect((await check(report)).figures?.warnings).toEqual(warnings);
});

test("requires the files of the requested formats only", async () => {
  expect(Object.keys(await failures({}, { formats: ["parquet"] }))).toEqual([
    "pca/parquet columns",
    "pca/parquet rows",
  ]);
  expect(Object.keys(await failures({}, { formats: ["csv"] }))).toEqual(["pca/csv files"]);
});

test("refuses a report without its figures", async () => {
  const { figures, failed } = await check({ model: {} });

  expect(figures).toBeUndefined();
  for (const name of [...Object.keys(info).filter((key) => key !== "model"), "model.weights", "model.sha256"])
    expect(failed["model_info/model_info.json"]).toContain(`${name}: `);
});
