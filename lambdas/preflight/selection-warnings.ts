import { type Counts, describeImages } from "../contract/counts.ts";

/** Says that the counts are estimated, and what follows from that. */
export function estimatedWarning(counts: Counts): string {
  return `There are ${describeImages(counts)} images, too many to list before the run: the quote is an estimate. The Inventory step counts them, and the run stops before the features if they cost more than maxCostUsd. Earlier runs of the same images are not searched for`;
}

/** Warns of images that cannot be read. */
export function archivedWarning(archived: number, { estimated }: Counts): string {
  return `${estimated ? "At least " : ""}${archived.toLocaleString("en")} ${archived === 1 ? "image is" : "images are"} archived (storage class GLACIER or DEEP_ARCHIVE) and cannot be read. Restore them first, or they are listed in errors/`;
}
