import type { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { isNamed } from "../aws/errors.ts";
import { parseS3Uri, readJson } from "../aws/s3.ts";
import { byCodePoint, layouts, leftOutSchema, packManifest, treeRules } from "../contract/image-tree.ts";
import { selectsLabel } from "../contract/modes.ts";
import type { Plan } from "../contract/plan.ts";
import { InvalidInput } from "../runtime/errors.ts";
import { Fingerprint } from "./fingerprint.ts";
import { chooseSplits, type Listing, type ListingRequest } from "./list-images.ts";
import type { Selected } from "./selection.ts";

/** pack.json, which spark/orchard/pack/ writes. */
const packSchema = z.object({
  version: z.literal(1, { error: "is not 1, the only version that this stack reads. Pack again, or deploy again" }),
  layout: z.enum(layouts),
  groups: z.array(
    z.object({
      split: z.string(),
      label: z.string(),
      images: z.int(),
      bytes: z.int(),
      fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
  leftOut: z.array(leftOutSchema),
  shards: z.array(z.object({ name: z.string(), groups: z.array(z.string()) })),
});
export type Pack = Readonly<z.output<typeof packSchema>>;

/** Limits the size of a manifest. The manifest of ten million images of 100 kB has a tenth of this size. */
const mostBytes = 50_000_000;

/** Reads the manifest of a pack; undefined if the image tree is not a pack. @throws MalformedObject */
export async function findPack(s3: S3Client, imageTree: string): Promise<Pack | undefined> {
  const { bucket, key } = parseS3Uri(imageTree);
  try {
    return await readJson(s3, { bucket, key: `${key}${packManifest}` }, packSchema, mostBytes);
  } catch (error) {
    if (isNamed(error, "NoSuchKey")) return undefined;
    throw error;
  }
}

/** Describes the pack as the plan has it. */
export function describePack({ shards }: Pack): Plan["pack"] {
  return { shards: shards.length, groups: shards.reduce((sum, { groups }) => sum + groups.length, 0) };
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort(byCodePoint);
}

/**
 * Returns the fingerprint of a selection from a pack. It is the sum of the groups' fingerprints and that of the tree itself,
 * which counts as an image with the limit as its etag. spark/orchard/pack/fingerprint.py computes the same.
 *
 * @param imageTree s3://bucket/prefix/
 * @param limit null if all images of the groups are selected
 */
export function fingerprintPacked(
  imageTree: string,
  groups: readonly { readonly fingerprint: string }[],
  limit: number | null,
): string {
  const fingerprint = new Fingerprint();
  for (const { fingerprint: digits } of groups) fingerprint.addAll(digits);
  fingerprint.add(imageTree, limit === null ? "" : String(limit));
  return fingerprint.digits;
}

/**
 * Counts the images of a pack by its manifest, without listing it, and selects those of the run. Only the Inventory step
 * finds the images that a limit selects, and their bytes.
 *
 * @param imageTree s3://bucket/prefix/
 * @throws InvalidInput if the input asks for another layout
 */
export function selectFromPack(
  pack: Pack,
  imageTree: string,
  request: ListingRequest,
): { readonly listing: Listing; readonly selected: Selected } {
  const { layout } = pack;
  const { selectionRule } = request;
  if (request.layout !== null && request.layout !== layout)
    throw new InvalidInput(`layout: the pack was made of a tree with the layout "${layout}". Leave layout out`);
  const splits = layout === "label" ? [] : unique(pack.groups.map(({ split }) => split));
  const usedSplits = chooseSplits(splits, request);
  const used = pack.groups.filter(({ split }) => layout === "label" || usedSplits.includes(split));
  const wanted = used.filter(({ label }) => selectsLabel(selectionRule, label));
  const all = wanted.reduce((sum, { images }) => sum + images, 0);
  const bytes = wanted.reduce((sum, group) => sum + group.bytes, 0);
  const labels = unique(wanted.map(({ label }) => label)).length;
  const limit = selectionRule.limit !== null && selectionRule.limit < all ? selectionRule.limit : null;
  const images = limit ?? all;
  return {
    listing: {
      rules: treeRules(layout),
      splits,
      usedSplits,
      labels: unique(used.map(({ label }) => label)),
      selectedLabels: labels,
      candidates: all,
      unlisted: 0,
      newest: undefined,
      leftOut: pack.leftOut,
    },
    selected: {
      // A limit takes the labels in turns.
      counts: { images, labels: Math.min(labels, images), bytes: Math.round((bytes / Math.max(1, all)) * images) },
      fingerprint: fingerprintPacked(imageTree, wanted, limit),
      sample: { images: [], buckets: 256 },
      archived: 0,
    },
  };
}
