import { formatCount, plural } from "../../shared/formatting.ts";
import { defaultFormats, referenceDays } from "../contract/choices.ts";
import { type Counts, describeImages } from "../contract/counts.ts";
import type { InventorySummary } from "../contract/job-reports.ts";

/** Size of an image's 1,280 features in CSV. */
const csvKilobytes = 13.1;

/** Says that the counts are estimated, and what follows from that. */
export function estimatedWarning(counts: Counts): string {
  return `There are ${describeImages(counts)}, too many to list before the run: the quote is an estimate. The Inventory step counts them, and the run stops before the features if they cost more than maxCostUsd. Earlier runs of the same images are not searched for`;
}

/** Says that a run of many images, whose input names no formats, writes no CSV files. */
export function withoutCsvWarnings(counts: Counts): readonly string[] {
  if (defaultFormats(counts.images).includes("csv")) return [];
  const gigabytes = formatCount(Math.round((counts.images * csvKilobytes) / 1e6));
  return [
    `No CSV files are written, because those of ${describeImages(counts)} would take ${gigabytes} GB. "formats": ["parquet", "csv"] asks for them`,
  ];
}

/** Says that a run has only a reference to features that the store has. */
export const referenceWarning = `The features that the features store has already are not copied: features/reference/ names their rows there, for ${referenceDays} days. "reusedFeatures": "copy" asks for a copy`;

/** Warns of images that cannot be read. */
export function archivedWarning(archived: number, { estimated }: Counts): string {
  return `${estimated ? "At least " : ""}${plural(archived, "image")} ${archived === 1 ? "is" : "are"} archived (storage class GLACIER or DEEP_ARCHIVE) and cannot be read. Restore them first, or they are listed in errors/`;
}

/** Says which images have changed between Preflight and the Inventory step. */
export function changeWarnings({ later, changed }: InventorySummary): readonly string[] {
  const images = (count: number): string => `${plural(count, "image")} ${count === 1 ? "was" : "were"}`;
  return [
    ...(later > 0 ? [`${images(later)} added or overwritten after the plan: the next run takes them`] : []),
    ...(changed ? [`At least ${images(changed)} deleted or overwritten after the plan`] : []),
  ];
}
