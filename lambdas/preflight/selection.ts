import { createHash } from "node:crypto";
import { sha256 } from "../aws/s3.ts";
import { byCodePoint } from "../contract/image-tree.ts";
import type { Counts } from "../contract/plan.ts";

export interface Image {
  readonly label: string;
  /** <split>/<label>/<file>, or <label>/<file> in a tree without splits. */
  readonly path: string;
  readonly bytes: number;
  readonly etag: string;
}

/**
 * Selects `limit` images round-robin over the labels in label order, and within a label in ascending order of the
 * hexadecimal sha256 of the path. The result does not depend on the order of the listing; null selects all.
 */
export function selectEvenly(images: readonly Image[], limit: number | null): readonly Image[] {
  if (limit === null || images.length <= limit) return images;
  const byLabel = Map.groupBy(images, ({ label }) => label);
  const queues = [...byLabel.entries()]
    .sort(([a], [b]) => byCodePoint(a, b))
    .map(([, group]) =>
      group
        .map((image) => ({ image, digest: sha256(image.path) }))
        .sort((a, b) => (a.digest < b.digest ? -1 : 1))
        .map(({ image }) => image),
    );
  const selected: Image[] = [];
  for (let round = 0; selected.length < limit; round += 1) {
    for (const queue of queues) {
      const image = queue[round];
      if (image && selected.length < limit) selected.push(image);
    }
  }
  return selected;
}

export function countImages(images: readonly Image[]): Counts {
  return {
    images: images.length,
    labels: new Set(images.map(({ label }) => label)).size,
    bytes: images.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/**
 * Returns the hexadecimal sha256 of the lines `<s3:// path>\t<etag>\n` of all images, ordered by the paths' UTF-8 bytes.
 * The Inventory step computes the same fingerprint of the images that it finds.
 */
export function fingerprint(imageTree: string, images: readonly Image[]): string {
  const hash = createHash("sha256");
  const rows = images.map(({ path, etag }) => ({ path: Buffer.from(`${imageTree}${path}`), etag }));
  for (const { path, etag } of rows.sort((a, b) => Buffer.compare(a.path, b.path))) {
    hash.update(path).update(`\t${etag}\n`);
  }
  return hash.digest("hex");
}
