import { z } from "zod";
import { formatCount, plural } from "../../shared/formatting.ts";

/** Counts the images that a run has selected. */
export const countsSchema = z.object({
  images: z.int(),
  labels: z.int(),
  bytes: z.int(),
  /** True if there are too many images for Preflight to list. The Inventory step then counts them. */
  estimated: z.boolean().optional(),
});
export type Counts = Readonly<z.output<typeof countsSchema>>;

/** The number of images, such as "12,345" or "about 12,345". */
export function formatImages({ images, estimated }: Counts): string {
  return `${estimated ? "about " : ""}${formatCount(images)}`;
}

/** The number of images with its noun, such as "12,345 images" or "about 12,345 images". */
export function describeImages({ images, estimated }: Counts): string {
  return `${estimated ? "about " : ""}${plural(images, "image")}`;
}
