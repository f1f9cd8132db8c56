import { MetricUnit } from "@aws-lambda-powertools/metrics";
import type { S3Client } from "@aws-sdk/client-s3";
import { colonAndItems } from "../../shared/bounded-text.ts";
import { parseS3Uri, writeJson } from "../aws/s3.ts";
import type { Execution } from "../contract/execution.ts";
import type { JobCheck } from "../contract/job-reports.ts";
import { modeProperties } from "../contract/modes.ts";
import type { Plan } from "../contract/plan.ts";
import { featuresRunOf, latestRunKey, manifestFile } from "../contract/s3-layout.ts";
import type { Validation } from "../contract/validation.ts";
import { ResultsInvalid } from "../runtime/errors.ts";
import { metrics } from "../runtime/handler.ts";
import { checkFeatures } from "./checks/features-checks.ts";
import { checkInventory } from "./checks/inventory-checks.ts";
import { checkReduction } from "./checks/reduction-checks.ts";
import { indexRun } from "./earlier-runs.ts";
import { Findings } from "./findings.ts";

interface CheckedRun {
  /** Undefined if a report is missing or malformed. */
  readonly validation: Validation | undefined;
  /** Fingerprint of the images with features; null if there are none, or if images changed during the run. */
  readonly selection: string | null;
}

/** Checks the outputs of the plan's steps. */
async function checkRun(findings: Findings, plan: Plan, s3: S3Client): Promise<CheckedRun> {
  if (plan.features !== null) {
    // Only the reduction ran. Check the earlier run's features again, because somebody may have deleted them.
    const summary = await checkFeatures(findings.forRun(featuresRunOf(plan)), plan);
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

/** Records the run's figures. The rate covers the whole execution so far, including the start of the cluster. */
function recordMetrics({ images, errors }: Validation, startTime: string): void {
  const seconds = (Date.now() - Date.parse(startTime)) / 1_000;
  metrics.addMetric("Images", MetricUnit.Count, images);
  metrics.addMetric("ImageErrors", MetricUnit.Count, errors);
  metrics.addMetric("ImagesPerSecond", MetricUnit.CountPerSecond, images / seconds);
}

function describeFailures(failed: readonly JobCheck[], count: number): string {
  const list = failed.map(({ name, detail }) => `${name}: ${detail}`);
  return `${failed.length} of ${count} checks of the results failed${colonAndItems(list)}`;
}

/**
 * Validates a run: compares the Spark job's own checks and reports with the plan, the Parquet footers and the list of
 * errors. A valid run gets its manifest.json after all its other files; then runs/latest.json refers to it, and later
 * runs can reuse it.
 *
 * @throws ResultsInvalid listing every failed check, after writing them to invalid.json
 */
export async function validateResults(
  { state: { plan }, execution }: { readonly state: { readonly plan: Plan }; readonly execution: Execution },
  s3: S3Client,
): Promise<Validation> {
  const findings = new Findings(s3, parseS3Uri(plan.run));
  const { validation, selection } = await checkRun(findings, plan, s3);
  const { checks } = findings;
  const failed = checks.filter(({ ok }) => !ok);
  const header = {
    runId: plan.runId,
    executionArn: execution.id,
    mode: plan.mode,
    checkedAt: new Date().toISOString(),
  };
  if (failed.length > 0 || !validation) {
    await writeJson(s3, findings.locate("invalid.json"), { ...header, failed, checks });
    throw new ResultsInvalid(describeFailures(failed, checks.length));
  }
  await writeJson(s3, findings.locate(manifestFile), { ...header, plan, selection, validation, checks });
  await writeJson(s3, { bucket: plan.bucket, key: latestRunKey }, { runId: plan.runId, run: plan.run });
  if (selection !== null) await indexRun(s3, plan, selection);
  recordMetrics(validation, execution.startTime);
  return validation;
}
