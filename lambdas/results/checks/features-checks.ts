import { percent } from "../../../shared/formatting.ts";
import { type FeaturesSummary, featuresSummarySchema } from "../../contract/job-reports.ts";
import type { Plan } from "../../contract/plan.ts";
import type { Findings } from "../findings.ts";

/** Step Functions limits a Cause to 32,768 characters (API Reference, SendTaskFailure), and a key on S3 may have 1,024. */
const maxReasons = 10;

function describeReasons({ reasons, examples }: FeaturesSummary): string {
  return Object.entries(reasons)
    .slice(0, maxReasons)
    .map(([reason, count]) => [`${reason} (${count})`, examples[reason]?.join(", ")].filter(Boolean).join(", such as "))
    .join("; ");
}

/** Checks the outputs of the features step. */
export async function checkFeatures(findings: Findings, plan: Plan): Promise<FeaturesSummary | undefined> {
  const { counts, quality, model, formats } = plan;
  const summary = await findings.readReport("features/summary.json", featuresSummarySchema);
  if (!summary) return undefined;
  for (const check of summary.checks) findings.check(`features ${check.name}`, check.ok, check.detail);
  findings.check(
    "images",
    summary.images + summary.errors === counts.images,
    `planned ${counts.images}, found ${summary.images} with features and ${summary.errors} in errors`,
  );
  findings.check(
    "images computed and reused",
    summary.computed + summary.reused === counts.images,
    `planned ${counts.images}, found ${summary.computed} computed and ${summary.reused} reused`,
  );
  const errorRate = summary.errors / counts.images;
  const commonest = summary.errors === 0 ? "" : `; the commonest reasons: ${describeReasons(summary)}`;
  findings.check(
    "error rate",
    errorRate <= quality.maxErrorRate,
    `${summary.errors} of ${counts.images} images are bad (${percent(errorRate, 2)}), the limit is ${100 * quality.maxErrorRate} %${commonest}`,
  );
  findings.check(
    "feature dimensions",
    summary.dimensions === model.dimensions,
    `expected ${model.dimensions}, found ${summary.dimensions}`,
  );
  if (formats.includes("parquet")) {
    const { images, referenced, outputs } = summary;
    const expected = { vector: "features", rows: images - referenced, width: model.dimensions };
    // A run that has computed nothing has no files of its own.
    if (expected.rows !== 0) await findings.checkParquet("features/parquet", expected, outputs.parquet);
    if (referenced > 0) await findings.checkReference(referenced, outputs.reference);
  }
  if (formats.includes("csv")) await findings.checkFiles("features/csv", ".csv", summary.outputs.csv);
  const { metadata, errors } = summary.outputs;
  if (metadata) await findings.checkFiles("metadata", ".csv", metadata);
  if (summary.errors > 0 || errors) await findings.checkFiles("errors", ".csv", errors);
  return summary;
}
