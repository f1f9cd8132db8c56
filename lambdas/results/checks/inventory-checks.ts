import type { S3Client } from "@aws-sdk/client-s3";
import { readBytes } from "../../aws/s3.ts";
import type { Plan } from "../../contract/plan.ts";
import type { Validation } from "../../contract/validation.ts";
import type { Findings } from "../findings.ts";
import { inventorySummarySchema } from "../job-reports.ts";

/** Adds up the counts of the rows `split,label,count`. A quoted label may contain commas, the count cannot. */
function sumCounts(csv: string): number {
  return csv
    .split("\n")
    .map((line) => Number.parseInt(line.slice(line.lastIndexOf(",") + 1), 10))
    .filter((count) => !Number.isNaN(count))
    .reduce((sum, count) => sum + count, 0);
}

/**
 * Checks the outputs of the inventory step.
 *
 * @returns the figures, and the fingerprint of the images that the step selected
 */
export async function checkInventory(
  findings: Findings,
  plan: Plan,
  s3: S3Client,
): Promise<{ readonly validation: Validation; readonly selection: string } | undefined> {
  const summary = await findings.readReport("inventory/summary.json", inventorySummarySchema);
  if (!summary) return undefined;
  const { selected } = summary;
  findings.check(
    "inventory selection",
    selected.images === plan.counts.images && selected.labels === plan.counts.labels,
    `planned ${plan.counts.images} images of ${plan.counts.labels} labels, found ${selected.images} of ${selected.labels}`,
  );
  await findings.checkFiles("inventory/metadata", ".csv");
  let counted = 0;
  for (const file of await findings.checkFiles("inventory/stats", ".csv")) {
    counted += sumCounts(new TextDecoder().decode(await readBytes(s3, file)));
  }
  findings.check(
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
