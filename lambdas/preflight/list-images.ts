import type { S3Client } from "@aws-sdk/client-s3";
import pMap from "p-map";
import { listFolder, listObjects, parseS3Uri, type S3Location, type S3Object } from "../aws/s3.ts";
import {
  byCodePoint,
  detectLayout,
  isFolderMarker,
  isSameName,
  isVisibleFolder,
  type Layout,
  type LeftOut,
  type LeftOutReason,
  reasonToLeaveOut,
  summarizeLeftOut,
  type TreeRules,
  treeRules,
} from "../contract/image-tree.ts";
import { type SelectionRule, selectsLabel } from "../contract/modes.ts";
import type { Image } from "./selection.ts";

/** The folders of an image tree, and the images in the used ones. */
export interface Listing {
  readonly rules: TreeRules;
  /** Every top-level folder of a tree with splits, used or not. */
  readonly splits: readonly string[];
  readonly usedSplits: readonly string[];
  /** Every label of the used splits, in label order. */
  readonly labels: readonly string[];
  /** Number of images of any label. */
  readonly candidates: number;
  /** Images of the selected labels, before the limit. */
  readonly images: readonly Image[];
  /** The files in the used splits, and next to the splits, that are not images of the tree. */
  readonly leftOut: readonly LeftOut[];
}

export interface ListingRequest {
  /** null detects it. */
  readonly layout: Layout | null;
  /** null uses the default split if there is one, otherwise all. */
  readonly splits: readonly string[] | null;
  readonly defaultSplit: string | null;
  readonly selectionRule: SelectionRule;
}

/** One level of the tree: its files, and its folders by their path from the root. */
interface Level {
  readonly folders: readonly string[];
  readonly objects: readonly S3Object[];
}

/** Concurrent LIST calls: enough to hide their latency, and well below S3's limit of 5,500 requests a second. */
const listConcurrency = 32;

function mapConcurrently<In, Out>(items: readonly In[], map: (item: In) => Promise<Out>): Promise<readonly Out[]> {
  return pMap(items, map, { concurrency: listConcurrency });
}

/** Reads a tree by paths from its root. */
class TreeReader {
  readonly #s3: S3Client;
  readonly #root: S3Location;
  readonly #levels = new Map<string, Level>();

  constructor(s3: S3Client, imageTree: string) {
    this.#s3 = s3;
    this.#root = parseS3Uri(imageTree);
  }

  pathOf({ key }: S3Object): string {
    return key.slice(this.#root.key.length);
  }

  #at(folder: string): S3Location {
    return folder === "" ? this.#root : { ...this.#root, key: `${this.#root.key}${folder}/` };
  }

  async level(folder: string): Promise<Level> {
    const { folders, objects } = await listFolder(this.#s3, this.#at(folder));
    const level = { folders: folders.map((name) => (folder === "" ? name : `${folder}/${name}`)), objects };
    this.#levels.set(folder, level);
    return level;
  }

  /** Lists the files of a folder at any depth. The folder's name may be empty, as in the key `Training//image.jpg`. */
  async everything(folder: string): Promise<readonly S3Object[]> {
    const known = folder === "" ? undefined : this.#levels.get(folder);
    if (known?.folders.length === 0) return known.objects;
    return listObjects(this.#s3, { ...this.#root, key: `${this.#root.key}${folder}/` });
  }

  /** Lists what is in a folder but not in its visible folders. */
  async besides(rules: TreeRules, { folders, objects }: Level): Promise<readonly S3Object[]> {
    const hidden = folders.filter((folder) => !isVisibleFolder(rules, folder));
    return [...objects, ...(await mapConcurrently(hidden, (folder) => this.everything(folder))).flat()];
  }
}

/** Lists the second-level folders only if there are images above them; without any, the tree has splits. */
async function findLayout(reader: TreeReader, levels: readonly Level[]): Promise<Layout> {
  const pathsIn = (each: readonly Level[]): readonly string[] =>
    each.flatMap(({ objects }) => objects).map((object) => reader.pathOf(object));
  const paths = pathsIn(levels);
  if (detectLayout(paths) === "split/label") return "split/label";
  const folders = levels.flatMap((level) => level.folders);
  const visible = folders.filter((name) => isVisibleFolder(treeRules("split/label"), name));
  return detectLayout([...paths, ...pathsIn(await mapConcurrently(visible, (folder) => reader.level(folder)))]);
}

function chooseSplits(splits: readonly string[], { splits: wanted, defaultSplit }: ListingRequest): readonly string[] {
  if (wanted !== null) return splits.filter((split) => wanted.some((name) => isSameName(name, split)));
  return defaultSplit !== null && splits.includes(defaultSplit) ? [defaultSplit] : splits;
}

/** The label of a path from the root: the folder above the file. */
function labelOf(rules: TreeRules, path: string): string {
  return path.split("/")[rules.layout === "label" ? 0 : 1] ?? "";
}

function sortOut(
  reader: TreeReader,
  rules: TreeRules,
  objects: readonly S3Object[],
): Pick<Listing, "images" | "leftOut"> {
  const images: Image[] = [];
  const leftOut: { key: string; reason: LeftOutReason }[] = [];
  for (const object of objects) {
    const key = reader.pathOf(object);
    if (isFolderMarker({ key, bytes: object.bytes })) continue;
    const reason = reasonToLeaveOut(rules, key);
    if (reason !== undefined) leftOut.push({ key, reason });
    else images.push({ label: labelOf(rules, key), path: key, bytes: object.bytes, etag: object.etag });
  }
  return { images, leftOut: summarizeLeftOut(leftOut) };
}

/**
 * Lists an image tree with about one LIST call a label.
 *
 * @param imageTree s3://bucket/prefix/
 */
export async function listImages(s3: S3Client, imageTree: string, request: ListingRequest): Promise<Listing> {
  const reader = new TreeReader(s3, imageTree);
  const root = await reader.level("");
  const tops = root.folders.filter((folder) => isVisibleFolder(treeRules("split/label"), folder));
  const levels = await mapConcurrently(tops, (folder) => reader.level(folder));
  const rules = treeRules(request.layout ?? (await findLayout(reader, levels)));
  const hasSplits = rules.layout === "split/label";
  const usedSplits = hasSplits ? chooseSplits(tops, request) : [];
  const usedLevels = levels.filter((_, index) => usedSplits.includes(tops[index] ?? ""));
  const labelFolders = (hasSplits ? usedLevels : [root])
    .flatMap(({ folders }) => folders)
    .filter((folder) => isVisibleFolder(rules, folder));
  const objects = [
    ...(await mapConcurrently([root, ...usedLevels], (level) => reader.besides(rules, level))),
    ...(await mapConcurrently(labelFolders, (folder) => reader.everything(folder))),
  ].flat();
  const { images, leftOut } = sortOut(reader, rules, objects);
  return {
    rules,
    splits: hasSplits ? tops : [],
    usedSplits,
    labels: [...new Set(labelFolders.map((folder) => labelOf(rules, folder)))].sort(byCodePoint),
    candidates: images.length,
    images: images.filter(({ label }) => selectsLabel(request.selectionRule, label)),
    leftOut,
  };
}
