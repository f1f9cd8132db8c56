import { constants, statSync } from "node:fs";
import { access, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import pMap from "p-map";
import {
  describeLeftOut,
  detectLayout,
  type Layout,
  type LeftOut,
  type LeftOutReason,
  reasonToLeaveOut,
  summarizeLeftOut,
  treeRules,
} from "../../lambdas/contract/image-tree.ts";
import { plural } from "../../shared/formatting.ts";
import { isSystemError } from "../../shared/system-errors.mjs";
import { UsageError } from "../terminal/command-errors.ts";
import { describeNearLayouts, findNearestLayouts } from "./nearest-layouts.ts";
import { type FoundFile, walkFolder } from "./walk-folder.ts";
import { findNestedTrees } from "./wrong-folder.ts";

export interface LocalFile {
  /** The path from the root of the tree, which is also the key below the image tree's prefix in the bucket. */
  readonly key: string;
  readonly path: string;
  readonly bytes: number;
}

export interface Dataset {
  readonly folder: string;
  readonly layout: Layout;
  readonly files: readonly LocalFile[];
  /** The files of the folder that are no images of the tree. */
  readonly leftOut: readonly LeftOut[];
}

export interface DatasetOptions {
  /** Detected by default. */
  readonly layout?: Layout | undefined;
  /** The command to which a message appends the right folder. */
  readonly command: string;
}

type Reasons = ReadonlyMap<string, LeftOutReason | undefined>;

function reasonsIn(layout: Layout, files: readonly FoundFile[]): Reasons {
  const rules = treeRules(layout);
  return new Map(files.map(({ key }) => [key, reasonToLeaveOut(rules, key)]));
}

/** Measures a file; undefined if it may not be read, or has just been removed. */
async function measure({ key, path: bytes }: FoundFile): Promise<LocalFile | undefined> {
  const path = bytes.toString("utf8");
  try {
    await access(path, constants.R_OK);
    return { key, path, bytes: (await stat(path)).size };
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/**
 * Lists the images of a tree, in the order of their keys' bytes.
 *
 * @throws UsageError when the folder is missing, is not a folder, has no images, or seems to be above the tree
 */
export async function readDataset(folder: string, { layout: forced, command }: DatasetOptions): Promise<Dataset> {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (!found) throw new UsageError(`The dataset folder ${folder} does not exist.`);
  if (!found.isDirectory()) throw new UsageError(`The dataset ${folder} is not a folder.`);

  const { files, leftOut: unread } = await walkFolder(folder);
  const layout = forced ?? detectLayout(files.map(({ key }) => key));
  const reasons = reasonsIn(layout, files);
  const candidates = files.filter(({ key }) => reasons.get(key) === undefined);
  if (forced === undefined) refuseFolderAbove(folder, files, candidates.length, command);
  const measured = await pMap(candidates, measure, { concurrency: 32 });
  const leftOut = summarizeLeftOut([
    ...unread,
    ...files.flatMap(({ key }) => {
      const reason = reasons.get(key);
      return reason === undefined ? [] : [{ key, reason }];
    }),
    ...candidates.filter((_, index) => !measured[index]).map(({ key }) => ({ key, reason: "unreadable" as const })),
  ]);
  const images = measured.filter((file) => file !== undefined);
  if (images.length === 0) {
    const readable = files.filter(({ key }) => reasons.get(key) !== undefined);
    throw new UsageError(describeMissingImages({ folder, layout, leftOut, files: readable, command }));
  }
  return { folder, layout, files: images, leftOut };
}

/** @throws UsageError that names the folders to pass instead */
function refuseFolderAbove(folder: string, files: readonly FoundFile[], images: number, command: string): void {
  const nested = findNestedTrees(files, images);
  if (nested.length === 0) return;
  const counts = nested.map(({ path, images: count }) => `${count} in ${path}`).join(", ");
  throw new UsageError(
    [
      `The dataset ${folder} has ${plural(images, "image")} at <split>/<label>/<image> or <label>/<image>, and more below: ${counts}.`,
      ...nearestLayouts(folder, files, command),
    ].join("\n"),
  );
}

function nearestLayouts(folder: string, files: readonly FoundFile[], command: string): readonly string[] {
  const found = describeNearLayouts(findNearestLayouts(folder, files), command);
  return found.length === 0 ? [] : ["The nearest layouts, with the commands that take them:", ...found];
}

interface WithoutImages {
  readonly folder: string;
  readonly layout: Layout;
  readonly leftOut: readonly LeftOut[];
  readonly files: readonly FoundFile[];
  readonly command: string;
}

function describeMissingImages({ folder, layout, leftOut, files, command }: WithoutImages): string {
  const expected =
    "An image tree is <split>/<label>/<image>, for instance Training/Apple Golden 1/0_100.jpg, or <label>/<image>.";
  if (leftOut.length === 0) return `The dataset ${folder} is empty. ${expected}`;
  const place = layout.split("/").map((name) => `<${name}>/`);
  const isFlat = leftOut.some(({ reason, examples }) => reason === "shallow" && !examples[0]?.includes("/"));
  const above = isFlat ? ` If ${basename(resolve(folder))} is a label, pass the folder above it.` : "";
  return [
    `The dataset ${folder} has no image at ${place.join("")}<image>. ${expected}${above}`,
    ...leftOut.map(describeLeftOut),
    ...nearestLayouts(folder, files, command),
  ].join("\n");
}
