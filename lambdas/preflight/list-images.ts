import type { S3Client } from "@aws-sdk/client-s3";
import pMap from "p-map";
import type { S3Object } from "../aws/s3.ts";
import {
  byCodePoint,
  isFolderMarker,
  isSameName,
  isVisibleFolder,
  type Layout,
  type LeftOut,
  LeftOutCounter,
  reasonToLeaveOut,
  type TreeRules,
  treeRules,
} from "../contract/image-tree.ts";
import { type SelectionRule, selectsLabel } from "../contract/modes.ts";
import { estimateKeys, type KeyRange, listConcurrency, visitRanges } from "./key-ranges.ts";
import type { Image } from "./selection.ts";
import { detectTreeLayout, TreeReader } from "./tree-reader.ts";

/** The folders of an image tree, and counts of the files in the used ones. */
export interface Listing {
  readonly rules: TreeRules;
  /** Every top-level folder of a tree with splits, used or not. */
  readonly splits: readonly string[];
  readonly usedSplits: readonly string[];
  /** Every label of the used splits, in label order. */
  readonly labels: readonly string[];
  /** Number of these labels that the mode selects. */
  readonly selectedLabels: number;
  /** Number of listed images of any label. */
  readonly candidates: number;
  /** Estimated number of images of the selected labels that were not listed; 0 if all were. */
  readonly unlisted: number;
  /** Time at which the latest of the listed files was written; undefined without any. */
  readonly newest: Date | undefined;
  /** The listed files in the used splits, and next to the splits, that are not images of the tree. */
  readonly leftOut: readonly LeftOut[];
}

export interface ListingRequest {
  /** null detects it. */
  readonly layout: Layout | null;
  /** null uses the default split if there is one, otherwise all. */
  readonly splits: readonly string[] | null;
  readonly defaultSplit: string | null;
  readonly selectionRule: SelectionRule;
  /** Number of keys after which the others are estimated. @default 2,000,000 */
  readonly maxKeys?: number;
  /** Counts keys of the tree's bucket without listing them; undefined if it cannot. @default they are estimated */
  readonly countKeys?: (isWanted: (key: string) => boolean) => Promise<number | undefined>;
}

/**
 * A page of 1,000 keys takes 25 ms of the function's processor (measured), so these keys take 50 of its 600 seconds. The
 * Inventory step lists larger trees on the cluster.
 */
const defaultMaxKeys = 2_000_000;

/** Storage classes whose objects must be restored before they can be read. */
const archives: ReadonlySet<string | undefined> = new Set(["GLACIER", "DEEP_ARCHIVE"]);

/** Returns the splits of the tree that a run uses. */
export function chooseSplits(
  splits: readonly string[],
  { splits: wanted, defaultSplit }: ListingRequest,
): readonly string[] {
  if (wanted !== null) return splits.filter((split) => wanted.some((name) => isSameName(name, split)));
  return defaultSplit !== null && splits.includes(defaultSplit) ? [defaultSplit] : splits;
}

/** The label of a path from the root: the folder above the file. */
function labelOf(rules: TreeRules, path: string): string {
  return path.split("/")[rules.layout === "label" ? 0 : 1] ?? "";
}

/** The folder above a file, by its path. */
function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** Sorts the objects of a listing into images, which it passes on, and files that are left out, which it counts. */
class Sorter {
  /** Files in the root are left out by the rules of both layouts alike. */
  rules = treeRules("split/label");
  keys = 0;
  images = 0;
  newest: Date | undefined;
  readonly leftOut = new LeftOutCounter();
  readonly #reader: TreeReader;
  readonly #onImage: (image: Image) => void;

  constructor(reader: TreeReader, onImage: (image: Image) => void) {
    this.#reader = reader;
    this.#onImage = onImage;
  }

  add(objects: readonly S3Object[]): void {
    this.keys += objects.length;
    for (const object of objects) {
      const path = this.#reader.pathOf(object);
      const { bytes, etag, storageClass, modified } = object;
      if (modified && (!this.newest || modified > this.newest)) this.newest = modified;
      if (isFolderMarker({ key: path, bytes })) continue;
      const reason = reasonToLeaveOut(this.rules, path);
      if (reason === undefined) {
        this.images += 1;
        const label = labelOf(this.rules, path);
        this.#onImage({ label, path, bytes, etag, isArchived: archives.has(storageClass) });
      } else {
        this.leftOut.add(path, reason);
      }
    }
  }
}

/**
 * Lists an image tree by about one LIST call for each label and each 1,000 images. The memory does not grow with the tree.
 *
 * @param imageTree s3://bucket/prefix/
 * @param onImage receives each listed image of the selected labels
 */
export async function listImages(
  s3: S3Client,
  imageTree: string,
  request: ListingRequest,
  onImage: (image: Image) => void,
): Promise<Listing> {
  const { selectionRule, maxKeys = defaultMaxKeys } = request;
  const reader = new TreeReader(s3, imageTree);
  const sorter = new Sorter(reader, (image) => {
    if (selectsLabel(selectionRule, image.label)) onImage(image);
  });
  const foldersIn = (folder: string): Promise<readonly string[]> =>
    reader.foldersIn(folder, (objects) => sorter.add(objects));

  const root = await foldersIn("");
  const tops = root.filter((folder) => isVisibleFolder(treeRules("split/label"), folder));
  const rules = treeRules(request.layout ?? (await detectTreeLayout(reader, tops)));
  sorter.rules = rules;
  const hasSplits = rules.layout === "split/label";
  const usedSplits = hasSplits ? chooseSplits(tops, request) : [];
  const inSplits = (await pMap(usedSplits, foldersIn, { concurrency: listConcurrency })).flat();

  const isLabel = (folder: string): boolean => isVisibleFolder(rules, folder);
  const labelFolders = (hasSplits ? inSplits : root).filter(isLabel);
  const isSelected = (folder: string): boolean => selectsLabel(selectionRule, labelOf(rules, folder));
  const list = (folders: readonly string[]): Promise<readonly KeyRange[]> =>
    visitRanges(
      s3,
      folders.map((folder) => reader.rangeOf(folder)),
      (objects) => {
        sorter.add(objects);
        return sorter.keys < maxKeys;
      },
    );
  const { keys, images } = sorter;
  const rest = await list(labelFolders.filter(isSelected));
  const shareOfImages = (sorter.images - images) / Math.max(1, sorter.keys - keys);
  const estimateUnlisted = async (): Promise<number> => {
    const root = reader.rootKey;
    const folders = new Set(labelFolders.filter(isSelected));
    const counted = await request.countKeys?.((key) => {
      const path = key.slice(root.length);
      return key.startsWith(root) && folders.has(folderOf(path)) && reasonToLeaveOut(rules, path) === undefined;
    });
    return counted === undefined ? (await estimateKeys(s3, rest)) * shareOfImages : counted - (sorter.images - images);
  };
  const unlisted = rest.length === 0 ? 0 : Math.max(1, Math.round(await estimateUnlisted()));
  // Only messages depend on the other folders.
  const hidden = [...root, ...inSplits].filter((folder) => !isLabel(folder));
  if (unlisted === 0) await list([...labelFolders.filter((folder) => !isSelected(folder)), ...hidden]);
  const labels = [...new Set(labelFolders.map((folder) => labelOf(rules, folder)))].sort(byCodePoint);
  return {
    rules,
    splits: hasSplits ? tops : [],
    usedSplits,
    labels,
    selectedLabels: labels.filter((label) => selectsLabel(selectionRule, label)).length,
    candidates: sorter.images,
    unlisted,
    newest: sorter.newest,
    leftOut: sorter.leftOut.summarize(),
  };
}
