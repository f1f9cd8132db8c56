import { createHash } from "node:crypto";
import type { S3Client } from "@aws-sdk/client-s3";
import pMap from "p-map";
import { listFolder, parseS3Uri, sha256 } from "../aws/s3.ts";
import { selectsLabel } from "../contract/modes.ts";
import type { Counts, Plan } from "../contract/plan.ts";

export interface Image {
  readonly label: string;
  /** <split>/<label>/<file> */
  readonly path: string;
  readonly bytes: number;
  readonly etag: string;
}

/** The folders of an image tree, and the images in the selected ones. */
export interface Listing {
  /** Every top-level folder, selected or not. */
  readonly splits: readonly string[];
  /** Every label of the selected splits, in label order. */
  readonly labels: readonly string[];
  /** Images of the selected labels, before the limit. */
  readonly images: readonly Image[];
}

function isImage(key: string): boolean {
  return /\.(jpe?g|png)$/i.test(key);
}

/** Concurrent LIST calls: enough to hide their latency, and well below S3's limit of 5,500 requests a second. */
const listConcurrency = 32;

/** Compares by code point, like S3 and Python. JavaScript compares UTF-16 code units, whose order differs. */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/**
 * Lists an image tree with one LIST call a label.
 *
 * @param imageTree s3://bucket/prefix/
 */
export async function listImages(
  s3: S3Client,
  imageTree: string,
  { splits: wanted, selectionRule }: Pick<Plan, "splits" | "selectionRule">,
): Promise<Listing> {
  const root = parseS3Uri(imageTree);
  const named = (folders: readonly string[]): string[] => folders.filter((folder) => folder !== "");
  const splits = named((await listFolder(s3, root)).folders);
  const chosen = wanted === null ? splits : splits.filter((split) => wanted.includes(split));
  const folders = (
    await pMap(
      chosen,
      async (split) => {
        const { folders } = await listFolder(s3, { ...root, key: `${root.key}${split}/` });
        return named(folders).map((label) => ({ split, label }));
      },
      { concurrency: listConcurrency },
    )
  ).flat();
  const images = await pMap(
    folders.filter(({ label }) => selectsLabel(selectionRule, label)),
    async ({ split, label }) => {
      const { objects } = await listFolder(s3, { ...root, key: `${root.key}${split}/${label}/` });
      return objects
        .filter(({ key }) => isImage(key))
        .map(({ key, bytes, etag }) => ({ label, path: key.slice(root.key.length), bytes, etag }));
    },
    { concurrency: listConcurrency },
  );
  const labels = [...new Set(folders.map(({ label }) => label))].sort(byCodePoint);
  return { splits, labels, images: images.flat() };
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
