import { createHash } from "node:crypto";
import type { S3Client } from "@aws-sdk/client-s3";
import pMap from "p-map";
import { listFolder, parseS3Uri, sha256 } from "../aws/s3.ts";
import type { Counts, Plan } from "../contract/plan.ts";

/** What decides which images a run uses. */
export type SelectionRule = Pick<Plan, "mode" | "label" | "splits" | "limit">;

export interface Image {
  readonly label: string;
  /** <split>/<label>/<file> */
  readonly path: string;
  readonly bytes: number;
  readonly etag: string;
}

/** The tree under the input: what is there, and the images in the folders that the rule chooses. */
export interface Listing {
  /** Every top folder, chosen or not. */
  readonly splits: readonly string[];
  /** Every label in the chosen splits, in label order. */
  readonly labels: readonly string[];
  /** Images under the chosen labels, before the limit. */
  readonly images: readonly Image[];
}

function isImage(key: string): boolean {
  return /\.(jpe?g|png)$/i.test(key);
}

/** Concurrent LIST calls: well under S3's 5,500 a second, and enough to hide their latency. */
const listConcurrency = 32;

/** Order of the UTF-8 bytes, which is code point order, as S3 lists and Python sorts. JavaScript's own is UTF-16's. */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Whether the mode uses a label at all. */
export function usesLabel({ mode, label }: Pick<SelectionRule, "mode" | "label">, name: string): boolean {
  switch (mode) {
    case "inventory":
    case "full":
      return true;
    case "mini":
    case "apples":
      return name.startsWith("Apple");
    case "single-class":
      return name === label;
  }
}

/** Lists the tree that `input` (s3://bucket/prefix/) names, one LIST a label. */
export async function listImages(s3: S3Client, input: string, rule: SelectionRule): Promise<Listing> {
  const root = parseS3Uri(input);
  const named = (folders: readonly string[]): string[] => folders.filter((folder) => folder !== "");
  const splits = named((await listFolder(s3, root)).folders);
  const chosen = rule.splits === null ? splits : splits.filter((split) => rule.splits?.includes(split));
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
    folders.filter(({ label }) => usesLabel(rule, label)),
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
 * Takes `limit` images round-robin over the labels in label order, within a label in ascending order of the
 * hexadecimal sha256 of the path: the same whatever the order of the listing. Without a limit: all.
 */
export function takeImages(images: readonly Image[], limit: number | null): readonly Image[] {
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
  const taken: Image[] = [];
  for (let round = 0; taken.length < limit; round += 1) {
    for (const queue of queues) {
      const image = queue[round];
      if (image && taken.length < limit) taken.push(image);
    }
  }
  return taken;
}

export function countImages(images: readonly Image[]): Counts {
  return {
    images: images.length,
    labels: new Set(images.map(({ label }) => label)).size,
    bytes: images.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/**
 * sha256 of a line `<s3:// path>\t<etag>\n` for each image, in the order of the paths' UTF-8 bytes: the same for the
 * same images with the same content. The Inventory step computes it for what it finds.
 */
export function fingerprint(input: string, images: readonly Image[]): string {
  const hash = createHash("sha256");
  const rows = images.map(({ path, etag }) => ({ path: Buffer.from(`${input}${path}`), etag }));
  for (const { path, etag } of rows.sort((a, b) => Buffer.compare(a.path, b.path))) {
    hash.update(path).update(`\t${etag}\n`);
  }
  return hash.digest("hex");
}
