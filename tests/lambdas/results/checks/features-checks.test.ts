import { beforeEach, expect, test } from "vitest";
import type { Plan } from "../../../../lambdas/contract/plan.ts";
import { checkFeatures } from "../../../../lambdas/results/checks/features-checks.ts";
import { Findings } from "../../../../lambdas/results/findings.ts";
import { S3Double } from "../../../doubles/s3.ts";
import { aPlan } from "../../fixtures.ts";

let s3: S3Double;
beforeEach(() => {
  s3 = new S3Double();
});

const summary = {
  images: 49,
  errors: 1,
  reasons: { "not an image": 1 },
  examples: { "not an image": ["Training/A/1.jpg"] },
  computed: 50,
  reused: 0,
  changed: 0,
  dimensions: 1280,
  checks: [{ name: "row_count", ok: true, detail: "49 rows" }],
};

/** Checks 50 images' features without their files; returns the details of the failed checks by name. */
async function failures(changes: object = {}, plan: Partial<Plan> = {}): Promise<Readonly<Record<string, string>>> {
  s3.writeJson("runs/run-1/features/summary.json", { ...summary, ...changes });
  s3.write("runs/run-1/errors/part-00000.csv", "path,label,reason\n");
  const findings = new Findings(s3.client, { bucket: "data", key: "runs/run-1/" });
  const counts = { images: 50, labels: 3, bytes: 1 };
  await checkFeatures(findings, aPlan("data", { counts, formats: [], ...plan }));
  return Object.fromEntries(findings.checks.filter(({ ok }) => !ok).map(({ name, detail }) => [name, detail]));
}

test("names no reasons when no image is bad", async () => {
  s3.writeJson("runs/run-1/features/summary.json", { ...summary, images: 50, errors: 0, reasons: {}, examples: {} });
  const findings = new Findings(s3.client, { bucket: "data", key: "runs/run-1/" });

  await checkFeatures(findings, aPlan("data", { counts: { images: 50, labels: 3, bytes: 1 }, formats: [] }));

  expect(findings.checks.find(({ name }) => name === "error rate")?.detail).toMatch(/, the limit is \d+ %$/);
});

test.each(["metadata", "errors"])("refuses a file in %s that no task has reported", async (folder) => {
  const [text, foreign] = ["path,label,reason\n", `runs/run-1/${folder}/part-00007-0000-0badc0de.csv`];
  s3.write("runs/run-1/metadata/part-00000.csv", text);
  const written = { files: 1, rows: 1, bytes: text.length };
  const outputs = { metadata: written, errors: written };
  expect(await failures({ outputs })).toEqual({});

  s3.write(foreign, text);

  expect(await failures({ outputs })).toEqual({
    [`${folder} files`]: `the job wrote 1 files with ${text.length} bytes, found 2 with ${2 * text.length}`,
  });
});

test("accepts as many bad images as the limit allows", async () => {
  expect(await failures()).toEqual({});
  expect(await failures({}, { quality: { maxErrorRate: 1 / 50, minVariance: null } })).toEqual({});
});

test("refuses one bad image more than the limit allows, with the reasons", async () => {
  const reasons = { "not an image": 1, "too large": 1 };
  const examples = { "not an image": ["A/1.jpg", "A/2.jpg"] };
  expect(await failures({ images: 48, errors: 2, reasons, examples })).toEqual({
    "error rate":
      "2 of 50 images are bad (4.00 %), the limit is 2 %; the commonest reasons: not an image (1), such as A/1.jpg, A/2.jpg; too large (1)",
  });
});

test("names the ten commonest reasons", async () => {
  const names = Array.from({ length: 11 }, (_, number) => `reason ${number}`);
  const reasons = Object.fromEntries(names.map((name) => [name, 1]));

  const detail = (await failures({ images: 39, errors: 11, reasons, examples: {} }))["error rate"];

  expect(detail?.split("commonest reasons: ")[1]).toBe(
    names
      .slice(0, 10)
      .map((name) => `${name} (1)`)
      .join("; "),
  );
});

test.each([
  [49, 0],
  [48, 3],
  [51, 0],
])("refuses %i computed and %i reused images of 50", async (computed, reused) => {
  expect(await failures({ computed, reused })).toEqual({
    "images computed and reused": `planned 50, found ${computed} computed and ${reused} reused`,
  });
});

test.each([
  [48, 1],
  [50, 1],
])("refuses %i images with features and %i in errors of 50", async (images, errors) => {
  expect(await failures({ images, errors })).toEqual({
    images: `planned 50, found ${images} with features and ${errors} in errors`,
  });
});

test("refuses features of another width, and what the job's own checks refuse", async () => {
  const checks = [{ name: "finite", ok: false, detail: "1 row holds NaN" }];

  expect(await failures({ dimensions: 1279, checks })).toEqual({
    "feature dimensions": "expected 1280, found 1279",
    "features finite": "1 row holds NaN",
  });
});

test("requires CSV files if they were requested, and the list of errors if there are any", async () => {
  expect(await failures({}, { formats: ["csv"] })).toEqual({ "features/csv files": "0 .csv file(s)" });
  s3.objects.clear();
  const findings = new Findings(s3.client, { bucket: "data", key: "runs/run-1/" });
  s3.writeJson("runs/run-1/features/summary.json", { ...summary, images: 60, errors: 0, computed: 60 });
  await checkFeatures(findings, aPlan("data", { formats: [] }));
  expect(findings.checks.every(({ ok }) => ok)).toBe(true);
  s3.writeJson("runs/run-1/features/summary.json", { ...summary, images: 59, errors: 1, computed: 60 });
  await checkFeatures(findings, aPlan("data", { formats: [] }));
  expect(findings.checks.filter(({ ok }) => !ok)).toEqual([
    { name: "errors files", ok: false, detail: "0 .csv file(s)" },
  ]);
});

test("refuses a report without its figures", async () => {
  const findings = new Findings(s3.client, { bucket: "data", key: "runs/run-1/" });
  s3.writeJson("runs/run-1/features/summary.json", {});

  expect(await checkFeatures(findings, aPlan("data"))).toBeUndefined();

  const [check] = findings.checks;
  for (const name of Object.keys(summary).filter((key) => key !== "examples"))
    expect(check?.detail).toContain(`${name}: `);
});

test("a missing report is a failed check", async () => {
  const findings = new Findings(s3.client, { bucket: "data", key: "runs/run-1/" });

  expect(await checkFeatures(findings, aPlan("data"))).toBeUndefined();
  expect(findings.checks).toEqual([{ name: "features/summary.json", ok: false, detail: "does not exist" }]);
});
