import { MetricUnit } from "@aws-lambda-powertools/metrics";
import { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { describeError, isNamed } from "./aws/errors.ts";
import { listObjects, MalformedObject, parseS3Uri, readBytes, readJson, type S3Location, writeJson } from "./aws/s3.ts";
import { executionSchema } from "./contract/execution.ts";
import { modeProperties } from "./contract/modes.ts";
import { type Plan, planSchema } from "./contract/plan.ts";
import { latestRunKey, manifestFile } from "./contract/s3-layout.ts";
import type { Validation } from "./contract/validation.ts";
import { featuresRunOf, indexRun } from "./results/earlier-runs.ts";
import { readFooters } from "./results/parquet-footers.ts";
import { ResultsInvalid } from "./runtime/errors.ts";
import { lambdaHandler, metrics } from "./runtime/handler.ts";

export const validateResultsEventSchema = z.object({
  state: z.object({ plan: planSchema }),
  execution: executionSchema,
});
export type ValidateResultsEvent = z.output<typeof validateResultsEventSchema>;

const jobCheck = z.object({ name: z.string(), ok: z.boolean(), detail: z.string() });
type JobCheck = Readonly<z.output<typeof jobCheck>>;

const inventorySummary = z.looseObject({
  images: z.int(),
  labels: z.int(),
  selected: z.looseObject({ images: z.int(), labels: z.int(), fingerprint: z.string() }),
});
const featuresSummary = z.looseObject({
  images: z.int(),
  errors: z.int(),
  /** How many images cannot be used for which reason, the commonest first. */
  reasons: z.record(z.string(), z.int()),
  computed: z.int(),
  reused: z.int(),
  /** Images that changed or went between the inventory and their turn. */
  changed: z.int(),
  dimensions: z.int(),
  checks: z.array(jobCheck),
});
const modelInfo = z.looseObject({
  pca_components: z.int(),
  original_dimensions: z.int(),
  reduced_dimensions: z.int(),
  total_variance_explained: z.number(),
  num_images_processed: z.int(),
  model: z.looseObject({ weights: z.string(), sha256: z.string() }),
  labels: z.int(),
  errors: z.int(),
  checks: z.array(jobCheck),
});

/** The reduction step makes these for every value that it writes; one that is missing was not made. */
const requiredJobChecks = ["row_count", "dimensions", "finite", "unique_paths", "variance"];
const goodVariance = 0.9;
/** Below the last digit that a float64 sum of 1,280 ratios keeps. */
const varianceTolerance = 1e-9;

/** Collects the findings about one run. */
class Findings {
  readonly checks: JobCheck[];
  private readonly s3: S3Client;
  private readonly run: S3Location;

  constructor(s3: S3Client, run: S3Location, checks: JobCheck[] = []) {
    this.s3 = s3;
    this.run = run;
    this.checks = checks;
  }

  /** For another run's outputs; what is found counts here. */
  of(run: string): Findings {
    return new Findings(this.s3, parseS3Uri(run), this.checks);
  }

  expect(name: string, ok: boolean, detail: string): void {
    this.checks.push({ name, ok, detail });
  }

  at(path: string): S3Location {
    return { bucket: this.run.bucket, key: `${this.run.key}${path}` };
  }

  /** A report of the Spark job; absent or malformed is a finding, anything else (access, network) is thrown. */
  async report<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
    try {
      return await readJson(this.s3, this.at(path), schema);
    } catch (error) {
      if (isNamed(error, "NoSuchKey")) this.expect(path, false, "is not there");
      else if (error instanceof MalformedObject) this.expect(path, false, error.message);
      else throw error;
      return undefined;
    }
  }

  async expectFiles(folder: string, extension: string): Promise<readonly S3Location[]> {
    const objects = await listObjects(this.s3, this.at(`${folder}/`));
    const files = objects.filter(({ key }) => key.endsWith(extension));
    this.expect(`${folder} files`, files.length > 0, `${files.length} ${extension} file(s)`);
    return files.map(({ key }) => ({ bucket: this.run.bucket, key }));
  }

  /** The columns, the rows and the width of every row, from the footers: not by the code that wrote them. */
  async expectParquet(folder: string, vector: string, rows: number, width: number): Promise<void> {
    const location = this.at(`${folder}/`);
    let footers: Awaited<ReturnType<typeof readFooters>>;
    try {
      footers = await readFooters(this.s3, location);
    } catch (error) {
      if (error instanceof Error && "$metadata" in error) throw error;
      this.expect(folder, false, `is no readable Parquet: ${describeError(error)}`);
      return;
    }
    const columns = `path,label,${vector}`;
    this.expect(
      `${folder} columns`,
      footers.columns.length === 1 && footers.columns[0] === columns,
      `expected ${columns}, found ${footers.columns.join(" and ") || "no file"}`,
    );
    this.expect(`${folder} rows`, footers.rows === rows, `expected ${rows}, found ${footers.rows}`);
    const values = footers.values[vector] ?? 0;
    this.expect(
      `${folder} dimensions`,
      values === footers.rows * width,
      `expected ${footers.rows} x ${width} = ${footers.rows * width} values, found ${values}`,
    );
    for (const column of ["path", "label", vector]) {
      const nulls = footers.nulls[column];
      if (footers.rows > 0 && nulls !== 0) {
        this.expect(`${folder} nulls`, false, `${column} has ${nulls ?? "an unknown number of"} nulls`);
      }
    }
  }
}

/** What the inventory says, and the fingerprint of the images that it selected. */
async function checkInventory(
  findings: Findings,
  plan: Plan,
  s3: S3Client,
): Promise<{ readonly validation: Validation; readonly selection: string } | undefined> {
  const summary = await findings.report("inventory/summary.json", inventorySummary);
  if (!summary) return undefined;
  const { selected } = summary;
  findings.expect(
    "inventory selection",
    selected.images === plan.counts.images && selected.labels === plan.counts.labels,
    `planned ${plan.counts.images} images of ${plan.counts.labels} labels, found ${selected.images} of ${selected.labels}`,
  );
  await findings.expectFiles("inventory/metadata", ".csv");
  let counted = 0;
  for (const file of await findings.expectFiles("inventory/stats", ".csv")) {
    const text = new TextDecoder().decode(await readBytes(s3, file));
    // split,label,count: whatever is quoted, the count is what follows the last comma.
    const counts = text.split("\n").map((line) => Number.parseInt(line.slice(line.lastIndexOf(",") + 1), 10));
    counted += counts.filter((count) => !Number.isNaN(count)).reduce((sum, count) => sum + count, 0);
  }
  findings.expect(
    "inventory counts",
    counted === summary.images,
    `expected ${summary.images}, the CSV adds up to ${counted}`,
  );
  const validation: Validation = {
    images: selected.images,
    labels: selected.labels,
    errors: 0,
    errorRate: 0,
    computed: null,
    reused: null,
    components: null,
    variance: null,
    warnings: [],
    results: plan.run,
  };
  return { validation, selection: selected.fingerprint };
}

type FeaturesSummary = Readonly<z.output<typeof featuresSummary>>;

function commonest(reasons: FeaturesSummary["reasons"]): string {
  return Object.entries(reasons)
    .slice(0, 3)
    .map(([reason, count]) => `${reason} (${count})`)
    .join(", ");
}

async function checkFeatures(findings: Findings, plan: Plan): Promise<FeaturesSummary | undefined> {
  const { counts, quality, model } = plan;
  const summary = await findings.report("features/summary.json", featuresSummary);
  if (!summary) return undefined;
  for (const check of summary.checks) findings.expect(`features ${check.name}`, check.ok, check.detail);
  findings.expect(
    "images",
    summary.images + summary.errors === counts.images,
    `planned ${counts.images}, found ${summary.images} with features and ${summary.errors} in errors`,
  );
  findings.expect(
    "images computed and reused",
    summary.computed + summary.reused === counts.images,
    `planned ${counts.images}, found ${summary.computed} computed and ${summary.reused} reused`,
  );
  const errorRate = summary.errors / counts.images;
  findings.expect(
    "error rate",
    errorRate <= quality.maxErrorRate,
    `${summary.errors} of ${counts.images} images are bad (${(100 * errorRate).toFixed(2)} %), allowed are ${100 * quality.maxErrorRate} %; the commonest reasons: ${commonest(summary.reasons)}`,
  );
  findings.expect(
    "feature dimensions",
    summary.dimensions === model.dimensions,
    `expected ${model.dimensions}, found ${summary.dimensions}`,
  );
  if (plan.formats.includes("parquet"))
    await findings.expectParquet("features/parquet", "features", summary.images, model.dimensions);
  if (plan.formats.includes("csv")) await findings.expectFiles("features/csv", ".csv");
  if (summary.errors > 0) await findings.expectFiles("errors", ".csv");
  return summary;
}

async function checkReduction(
  findings: Findings,
  plan: Plan,
): Promise<Omit<Validation, "computed" | "reused"> | undefined> {
  const info = await findings.report("model_info/model_info.json", modelInfo);
  if (!info) return undefined;
  const { counts, quality } = plan;
  for (const check of info.checks) findings.expect(check.name, check.ok, check.detail);
  for (const name of requiredJobChecks) {
    if (!info.checks.some((check) => check.name === name))
      findings.expect(name, false, "the reduction did not check it");
  }
  const components = info.reduced_dimensions;
  const variance = info.total_variance_explained;
  findings.expect(
    "images reduced",
    info.num_images_processed + info.errors === counts.images,
    `planned ${counts.images}, found ${info.num_images_processed} reduced and ${info.errors} in errors`,
  );
  findings.expect(
    "components",
    "components" in plan.pca
      ? components === plan.pca.components
      : components >= 1 && variance >= plan.pca.variance - varianceTolerance,
    `asked for ${JSON.stringify(plan.pca)}, found ${components} components that keep ${variance}`,
  );
  findings.expect(
    "model",
    info.model.sha256 === plan.model.sha256,
    `planned ${plan.model.sha256}, the job used ${info.model.sha256}`,
  );
  if (quality.minVariance !== null) {
    findings.expect(
      "minimum variance",
      variance >= quality.minVariance,
      `kept ${variance}, asked for ${quality.minVariance}`,
    );
  }
  if (plan.formats.includes("parquet"))
    await findings.expectParquet("pca/parquet", "pca_features", info.num_images_processed, components);
  if (plan.formats.includes("csv")) await findings.expectFiles("pca/csv", ".csv");
  const warnings: string[] = [];
  if (variance < goodVariance) {
    warnings.push(
      `${components} components keep ${(100 * variance).toFixed(1)} % of the variance, less than ${100 * goodVariance} %`,
    );
  }
  if (info.model.weights !== "imagenet") warnings.push("SEEDED RANDOM WEIGHTS: the features mean nothing");
  return {
    images: info.num_images_processed,
    labels: info.labels,
    errors: info.errors,
    errorRate: info.errors / counts.images,
    components,
    variance,
    warnings,
    results: plan.run,
  };
}

interface Judgement {
  readonly validation: Validation | undefined;
  /** Fingerprint of the images that the features are of; null when there are none, or images changed meanwhile. */
  readonly selection: string | null;
}

/** Makes every check of what the plan's steps leave. */
async function judge(findings: Findings, plan: Plan, s3: S3Client): Promise<Judgement> {
  if (plan.features !== null) {
    // Only the reduction ran; the features are an earlier run's, and are looked at again.
    const summary = await checkFeatures(findings.of(featuresRunOf(plan)), plan);
    const reduction = await checkReduction(findings, plan);
    const validation = reduction && { ...reduction, computed: 0, reused: plan.counts.images };
    return { validation, selection: summary ? plan.selection : null };
  }
  const inventory = await checkInventory(findings, plan, s3);
  if (!modeProperties(plan.mode).computesFeatures) return { validation: inventory?.validation, selection: null };
  const summary = await checkFeatures(findings, plan);
  const reduction = await checkReduction(findings, plan);
  if (!inventory || !summary || !reduction) return { validation: undefined, selection: null };
  const { computed, reused, changed } = summary;
  return {
    validation: { ...reduction, computed, reused },
    selection: changed === 0 ? inventory.selection : null,
  };
}

/** A run's figures; its rate is that of the whole execution until here, with the start of the cluster. */
function measure({ images, errors }: Validation, startTime: string): void {
  const seconds = (Date.now() - Date.parse(startTime)) / 1_000;
  metrics.addMetric("Images", MetricUnit.Count, images);
  metrics.addMetric("ImageErrors", MetricUnit.Count, errors);
  metrics.addMetric("ImagesPerSecond", MetricUnit.CountPerSecond, images / seconds);
}

/**
 * Judges a run by what the Spark job found, cross-checked with the Parquet footers, the plan and the errors. A valid
 * run gets its manifest.json, last of all its files, and only then does runs/latest.json point at it and do later runs
 * find it.
 *
 * @throws ResultsInvalid that lists every failed check, after writing them to invalid.json
 */
export async function validateResults(
  { state: { plan }, execution }: ValidateResultsEvent,
  s3: S3Client,
): Promise<Validation> {
  const findings = new Findings(s3, parseS3Uri(plan.run));
  const { validation, selection } = await judge(findings, plan, s3);
  const { checks } = findings;
  const failed = checks.filter(({ ok }) => !ok);
  const about = { runId: plan.runId, executionArn: execution.id, mode: plan.mode, checkedAt: new Date().toISOString() };
  if (failed.length > 0 || !validation) {
    await writeJson(s3, findings.at("invalid.json"), { ...about, failed, checks });
    const list = failed.map(({ name, detail }) => `${name}: ${detail}`);
    throw new ResultsInvalid(
      `${failed.length} of ${checks.length} checks of the results failed${list.length === 1 ? ": " : ":\n- "}${list.join("\n- ")}`,
    );
  }
  await writeJson(s3, findings.at(manifestFile), { ...about, plan, selection, validation, checks });
  const latest: S3Location = { bucket: plan.bucket, key: latestRunKey };
  await writeJson(s3, latest, { runId: plan.runId, run: plan.run });
  if (selection !== null) await indexRun(s3, plan, selection);
  measure(validation, execution.startTime);
  return validation;
}

const s3 = new S3Client({});

export const handler = lambdaHandler(validateResultsEventSchema, (event) => validateResults(event, s3));
