import { depthOf, isSplitName, reasonToLeaveOut, treeRules } from "../../lambdas/contract/image-tree.ts";
import type { FoundFile } from "./walk-folder.ts";

/** Levels below the given folder where a tree is looked for. An unpacked Kaggle archive has it one or two down. */
export const levels = 3;

export interface NestedTree {
  /** Path from the given folder. */
  readonly path: string;
  /** Images at <split>/<label>/<image> in it. */
  readonly images: number;
}

/**
 * Finds trees of splits and labels below a folder, if the folder is probably not the tree itself. This is the case if the
 * trees have more images at the expected depth, or if only the trees have splits with common names. Images that are too deep
 * inside a split with a common name do not make a tree.
 *
 * @param images number of images that the folder has as a tree
 */
export function findNestedTrees(files: readonly FoundFile[], images: number): readonly NestedTree[] {
  const rules = treeRules("split/label");
  const counts = new Map<string, number>();
  let hasSplits = false;
  let belowHasSplits = false;
  for (const { key } of files) {
    const reason = reasonToLeaveOut(rules, key);
    const folders = key.split("/").slice(0, -1);
    if (reason === undefined) hasSplits ||= isSplitName(folders[0]);
    const above = folders.slice(0, -depthOf(rules.layout));
    if (reason !== "deep" || above.length > levels || above.some(isSplitName)) continue;
    const path = above.join("/");
    counts.set(path, (counts.get(path) ?? 0) + 1);
    belowHasSplits ||= isSplitName(folders[above.length]);
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const isAbove = total > images || (belowHasSplits && !hasSplits);
  return isAbove ? withoutNested([...counts].map(([path, count]) => ({ path, images: count }))) : [];
}

/** If one tree contains another, keeps only the one with more images. */
function withoutNested(trees: readonly NestedTree[]): readonly NestedTree[] {
  return trees.filter(
    ({ path, images }) =>
      !trees.some(
        (other) =>
          (other.path.startsWith(`${path}/`) && other.images >= images) ||
          (path.startsWith(`${other.path}/`) && other.images > images),
      ),
  );
}
