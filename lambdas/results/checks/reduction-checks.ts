import { percentBelow, plural } from "../../../shared/formatting.ts";
import { type ModelInfo, modelInfoSchema } from "../../contract/job-reports.ts";
import type { Pca, Plan } from "../../contract/plan.ts";
import { seededWarning } from "../../contract/seeded-weights.ts";
import type { Validation } from "../../contract/validation.ts";
import type { Findings } from "../findings.ts";

/** Checks that the reduction step must report, because only it reads every value that it writes. */
const requiredJobChecks = ["row_count", "dimensions", "finite", "unique_paths", "variance"];

/** Less explained variance than this adds a warning, even if the input sets no minimum. */
const goodVariance = 0.9;

/** Rounding error of a float64 sum of about 1,280 variance ratios, with a margin. */
const varianceTolerance = 1e-9;

function meetsRequest(pca: Pca, { reduced_dimensions: components, total_variance_explained: variance }: ModelInfo) {
  if ("components" in pca) return components === pca.components;
  return components >= 1 && variance >= pca.variance - varianceTolerance;
}

function checkJobChecks(findings: Findings, { checks }: ModelInfo): void {
  for (const check of checks) findings.check(check.name, check.ok, check.detail);
  for (const name of requiredJobChecks) {
    if (!checks.some((check) => check.name === name))
      findings.check(name, false, "the reduction step did not report this check");
  }
}

function warningsOf(info: ModelInfo): string[] {
  const { total_variance_explained: variance, reduced_dimensions: count } = info;
  const warnings: string[] = [];
  if (variance < goodVariance) {
    warnings.push(
      `${plural(count, "component")} ${count === 1 ? "keeps" : "keep"} ${percentBelow(variance, goodVariance)} of the variance, less than ${100 * goodVariance} %`,
    );
  }
  if (info.model.weights === "seeded") warnings.push(seededWarning);
  return warnings;
}

/** Checks the outputs of the reduction step. */
export async function checkReduction(
  findings: Findings,
  plan: Plan,
): Promise<Omit<Validation, "computed" | "reused"> | undefined> {
  const info = await findings.readReport("model_info/model_info.json", modelInfoSchema);
  if (!info) return undefined;
  const { counts, quality, formats } = plan;
  const { reduced_dimensions: components, total_variance_explained: variance, num_images_processed: images } = info;
  checkJobChecks(findings, info);
  findings.check(
    "images reduced",
    images + info.errors === counts.images,
    `planned ${counts.images}, found ${images} reduced and ${info.errors} in errors`,
  );
  findings.check(
    "components",
    meetsRequest(plan.pca, info),
    `requested ${JSON.stringify(plan.pca)}, found ${components} components that keep ${variance}`,
  );
  findings.check(
    "model",
    info.model.sha256 === plan.model.sha256,
    `planned ${plan.model.sha256}, the job used ${info.model.sha256}`,
  );
  if (quality.minVariance !== null) {
    findings.check(
      "minimum variance",
      variance >= quality.minVariance,
      `kept ${variance}, the minimum is ${quality.minVariance}`,
    );
  }
  if (formats.includes("parquet")) {
    const expected = { vector: "pca_features", rows: images, width: components };
    await findings.checkParquet("pca/parquet", expected, info.outputs.parquet);
  }
  if (formats.includes("csv")) await findings.checkFiles("pca/csv", ".csv", info.outputs.csv);
  return {
    images,
    labels: info.labels,
    errors: info.errors,
    errorRate: info.errors / counts.images,
    components,
    variance,
    warnings: warningsOf(info),
    results: plan.run,
  };
}
