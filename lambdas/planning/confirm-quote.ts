import type { S3Client } from "@aws-sdk/client-s3";
import { parseS3Uri, readJson } from "../aws/s3.ts";
import { type Counts, describeImages } from "../contract/counts.ts";
import { inventorySummarySchema } from "../contract/job-reports.ts";
import type { Plan } from "../contract/plan.ts";
import { inventorySummaryFile } from "../contract/s3-layout.ts";
import type { Environment } from "../runtime/environment.ts";
import { QuoteExceeded } from "../runtime/errors.ts";
import { shapeOf } from "./cluster-shape.ts";
import { withKeeping } from "./kept-plan.ts";
import { estimateOf, quote, type Work } from "./quote.ts";
import { changeWarnings, estimatedWarning } from "./selection-warnings.ts";
import { stepLimits } from "./step-limits.ts";

/** The work of a plan with these counts. The share of new images stays as Preflight found it. */
function workOf(plan: Plan, { images, bytes }: Counts): Work {
  const { steps, counts, newImages = counts.images, model, precision, jpegDraft } = plan;
  const stillNew = Math.round((newImages / Math.max(1, counts.images)) * images);
  const { relativeTime } = model;
  const packGroups = plan.pack?.groups;
  return { images, bytes, newImages: stillNew, steps, packGroups, relativeTime, precision, jpegDraft };
}

/**
 * Replaces the counts that Preflight found or estimated by those of the Inventory step, and quotes the whole run again on
 * its cluster. The returned plan goes on in the state data; plan.json stays as it is.
 *
 * @throws QuoteExceeded when the run costs more than its maxCostUsd
 */
export async function confirmQuote(
  plan: Plan,
  { AWS_REGION: region }: Pick<Environment, "AWS_REGION">,
  s3: S3Client,
): Promise<Plan> {
  const { bucket, key } = parseS3Uri(plan.run);
  const summary = await readJson(s3, { bucket, key: `${key}${inventorySummaryFile}` }, inventorySummarySchema);
  const { images, labels, bytes, fingerprint } = summary.selected;
  const counts: Counts = { images, labels, bytes };
  const { cluster, maxCostUsd } = plan;
  const work = workOf(plan, counts);
  const quoted = quote(shapeOf(cluster), work, region, plan.borrowed !== null);
  const usdAtMost = Math.max(quoted.usd, plan.estimate.usdAtMost);
  const estimate = withKeeping(estimateOf(quoted, usdAtMost), cluster, plan.keepMinutes);
  // After the last step, nothing is left to save.
  const goesOn = plan.steps.features || plan.steps.reduction;
  if (goesOn && maxCostUsd !== undefined && estimate.usd > maxCostUsd) {
    throw new QuoteExceeded(
      `maxCostUsd: the run was planned with ${describeImages(plan.counts)} for ${plan.estimate.usd.toFixed(2)} USD. ` +
        `The Inventory step has found ${describeImages(counts)}, which are estimated at ${estimate.usd.toFixed(2)} USD; the ceiling is ${maxCostUsd} USD ` +
        `(${estimate.arithmetic}). Raise maxCostUsd, or give a limit`,
    );
  }
  return {
    ...plan,
    confirmed: true,
    counts,
    selection: fingerprint,
    newImages: work.newImages,
    warnings: [...plan.warnings.filter((one) => one !== estimatedWarning(plan.counts)), ...changeWarnings(summary)],
    estimate,
    stepLimits: maxCostUsd === undefined ? plan.stepLimits : stepLimits({ quote: quoted, cluster, maxCostUsd }),
  };
}
