import { basename, dirname, resolve } from "node:path";
import {
  depthOf,
  detectLayout,
  isSplitName,
  type Layout,
  layouts,
  quoteName,
  reasonToLeaveOut,
  treeRules,
} from "../../lambdas/contract/image-tree.ts";
import { plural } from "../../shared/formatting.ts";
import { quoteArgument } from "../../shared/shell-quotes.ts";
import type { FoundFile } from "./walk-folder.ts";
import { findNestedTrees, levels } from "./wrong-folder.ts";

const shownLayouts = 2;

/** A folder and the layout in which it would be an image tree. */
export interface NearLayout {
  readonly folder: string;
  readonly layout: Layout;
  readonly images: number;
  /** Key of the first image. */
  readonly example: string;
  /** Whether the layout has to be given, because another one would be detected. */
  readonly isForced: boolean;
}

interface Place {
  /** Path from the folder that was given; empty for itself. */
  readonly path: string;
  readonly layout: Layout;
  /** Key of the image in that tree. */
  readonly key: string;
}

interface Candidate extends Place {
  images: number;
  hasSplitName: boolean;
}

/**
 * Finds the nearest layouts by which images of a refused folder make a tree: in a folder below or above it, or in itself
 * with other names as splits and labels. Trees with common names of splits come first, then those with more images.
 *
 * @returns at most two; one of them is the folder itself, if it has images in a layout
 */
export function findNearestLayouts(folder: string, files: readonly FoundFile[]): readonly NearLayout[] {
  const candidates = new Map<string, Candidate>();
  for (const { key } of files) {
    for (const place of placesOf(folder, key)) {
      const id = `${place.layout} ${place.path}`;
      const candidate = candidates.get(id) ?? { ...place, images: 0, hasSplitName: false };
      candidate.images += 1;
      candidate.hasSplitName ||= place.layout === "split/label" && isSplitName(place.key.split("/")[0]);
      candidates.set(id, candidate);
    }
  }
  const [best, ...others] = [...candidates.values()].sort(compareCandidates);
  if (!best) return [];
  const asItIs = others.filter(({ path }) => path === "");
  const elsewhere = others.filter(({ path }) => path !== "");
  return [best, ...asItIs, ...elsewhere].slice(0, shownLayouts).map((candidate) => toLayout(folder, candidate, files));
}

/** Lists the folders and layouts in which a file would be an image of a tree. */
function placesOf(folder: string, key: string): readonly Place[] {
  const names = key.split("/");
  return layouts.flatMap((layout): readonly Place[] => {
    const reason = reasonToLeaveOut(treeRules(layout), key);
    if (reason === undefined) return [{ path: "", layout, key }];
    const above = names.length - 1 - depthOf(layout);
    if (reason === "deep" && above <= levels)
      return [{ path: names.slice(0, above).join("/"), layout, key: names.slice(above).join("/") }];
    return reason === "shallow" && names.length === 1 ? placesAbove(folder, layout, key) : [];
  });
}

/** The folder may be a label, and the one above it a split. */
function placesAbove(folder: string, layout: Layout, file: string): readonly Place[] {
  const label = resolve(folder);
  const split = dirname(label);
  if (layout === "label") return [{ path: "..", layout, key: `${basename(label)}/${file}` }];
  if (!isSplitName(basename(split))) return [];
  return [{ path: "../..", layout, key: `${basename(split)}/${basename(label)}/${file}` }];
}

function compareCandidates(one: Candidate, other: Candidate): number {
  return (
    Number(other.hasSplitName) - Number(one.hasSplitName) ||
    other.images - one.images ||
    one.path.split("/").length - other.path.split("/").length ||
    layouts.indexOf(one.layout) - layouts.indexOf(other.layout)
  );
}

function toLayout(folder: string, { path, layout, key, images }: Candidate, files: readonly FoundFile[]): NearLayout {
  const tree = { folder: resolve(folder, path), layout, images, example: key };
  if (path.startsWith("..")) return { ...tree, isForced: true };
  const prefix = path === "" ? "" : `${path}/`;
  const below = files
    .filter((file) => file.key.startsWith(prefix))
    .map((file) => ({ ...file, key: file.key.slice(prefix.length) }));
  const isDetected = detectLayout(below.map((file) => file.key)) === layout;
  return { ...tree, isForced: !isDetected || findNestedTrees(below, images).length > 0 };
}

/**
 * Describes layouts as lines with the commands that take them.
 *
 * @param command the command without the folder
 */
export function describeNearLayouts(found: readonly NearLayout[], command: string): readonly string[] {
  return found.flatMap(({ folder, layout, images, example, isForced }) => {
    const place = `${layout
      .split("/")
      .map((name) => `<${name}>/`)
      .join("")}<image>`;
    return [
      `  ${command} ${quoteArgument(folder)}${isForced ? ` --layout ${layout}` : ""}`,
      `    ${plural(images, "image")} as ${place}, such as ${quoteName(example)}`,
    ];
  });
}
