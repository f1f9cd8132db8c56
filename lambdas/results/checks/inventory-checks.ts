import type { S3Client } from "@aws-sdk/client-s3";
import { CsvError, parse } from "csv-parse/sync";
import { cutText } from "../../../shared/bounded-text.ts";
import { readBytes, type S3Location } from "../../aws/s3.ts";
import { inventorySummarySchema } from "../../contract/job-reports.ts";
import type { Plan } from "../../contract/plan.ts";
import { inventorySummaryFile } from "../../contract/s3-layout.ts";
import type { Validation } from "../../contract/validation.ts";
import type { Findings } from "../findings.ts";

/**
 * Adds up the counts of the rows `split,label,count`. A quoted label may contain commas and line breaks.
 *
 * @returns NaN if a row has no count
 * @throws CsvError if the text is no CSV
 */
function sumCounts(csv: Uint8Array): number {
  const rows: Readonly<Record<string, string>>[] = parse(csv, { columns: true });
  return rows.reduce((sum, { count }) => sum + Number(count), 0);
}

async function readCounts(s3: S3Client, files: readonly S3Location[]): Promise<number | CsvError> {
  let counted = 0;
  for (const file of files) {
    const csv = await readBytes(s3, file);
    try {
      counted += sumCounts(csv);
    } catch (error) {
      if (error instanceof CsvError) return error;
      throw error;
    }
  }
  return counted;
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
  const summary = await findings.readReport(inventorySummaryFile, inventorySummarySchema);
  if (!summary) return undefined;
  const { selected, outputs } = summary;
  findings.check(
    "inventory selection",
    selected.images === plan.counts.images && selected.labels === plan.counts.labels,
    `planned ${plan.counts.images} images of ${plan.counts.labels} labels, found ${selected.images} of ${selected.labels}`,
  );
  await findings.checkFiles("inventory/metadata", ".csv", outputs.metadata);
  if (outputs.selection) await findings.checkFiles("inventory/selection", ".parquet", outputs.selection);
  const counted = await readCounts(s3, await findings.checkFiles("inventory/stats", ".csv"));
  findings.check(
    "inventory counts",
    counted === summary.images,
    `expected ${summary.images}, ${counted instanceof CsvError ? `the CSV is malformed: ${cutText(counted.message)}` : `the CSV adds up to ${counted}`}`,
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
