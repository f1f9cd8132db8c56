import { cutList } from "../../shared/bounded-text.ts";
import { nearestNames } from "../../shared/nearest-names.ts";
import { describeLeftOut, isSameName, quoteName } from "../contract/image-tree.ts";
import { modeProperties } from "../contract/modes.ts";
import type { Listing } from "./list-images.ts";
import type { ResolvedInput } from "./parse-input.ts";

function listNames(all: readonly string[]): string {
  return all.length === 0 ? "none" : cutList(all.map(quoteName)).join(", ");
}

function suggest(name: string, known: readonly string[]): string {
  const suggestions = nearestNames(name, known);
  return suggestions.length === 0 ? "" : ` Did you mean ${suggestions.map(quoteName).join(" or ")}?`;
}

/** Returns only the first reason why nothing was selected, because the others follow from it. */
function emptySelectionProblem(input: ResolvedInput, listing: Listing): string {
  const { splits, usedSplits, labels, leftOut, candidates } = listing;
  const { imageTree, label, mode } = input;
  const found = leftOut.map((each) => ` ${describeLeftOut(each)}.`).join("");
  if (splits.length === 0 && labels.length === 0) {
    return `input: there are no images under ${imageTree}, which has to hold <split>/<label>/<image>.jpg or <label>/<image>.jpg.${found} Upload the images there, or name another place with "input"`;
  }
  if (labels.length === 0)
    return `splits: no labels in ${listNames(usedSplits)} under ${imageTree}. Choose others by "splits"; folders there: ${listNames(splits)}`;
  if (label !== null && !labels.some((name) => isSameName(name, label))) {
    return `label: there is no ${quoteName(label)}.${suggest(label, labels)} Labels there: ${listNames(labels)}`;
  }
  if (candidates === 0) {
    return `input: there are no images in the folders under ${imageTree}, which has to hold <split>/<label>/<image>.jpg or <label>/<image>.jpg.${found} Name the folder that holds them with "input"`;
  }
  return `mode: "${mode}" selects no image under ${imageTree}. Labels there: ${listNames(labels)}`;
}

function missingSplitProblems({ splits, imageTree }: ResolvedInput, listing: Listing): string[] {
  // Without any folder, emptySelectionProblem gives the better explanation.
  if (listing.labels.length === 0 && listing.splits.length === 0) return [];
  if (splits === null) return [];
  if (listing.rules.layout === "label") {
    return [
      `splits: ${imageTree} has none, its images are at <label>/<image>. Leave splits out, or give "layout": "split/label"`,
    ];
  }
  return splits
    .filter((split) => !listing.splits.some((name) => isSameName(name, split)))
    .map(
      (split) =>
        `splits: there is no ${quoteName(split)} under ${imageTree}.${suggest(split, listing.splits)} Folders there: ${listNames(listing.splits)}`,
    );
}

/** A PCA of n samples has at most n - 1 components with variance, and at most as many as there are dimensions. */
function componentsProblem({ mode, pca }: ResolvedInput, images: number, dimensions: number): string | undefined {
  if (images < 2) return `mode: "${mode}" selects 1 image, and a PCA needs at least 2`;
  const maxComponents = Math.min(images - 1, dimensions);
  if (!("components" in pca) || pca.components <= maxComponents) return undefined;
  return `pca.components: ${pca.components} is too many for ${images} images; the maximum is ${maxComponents}, as in {"pca": {"components": ${maxComponents}}}`;
}

/**
 * Compares the execution input with the images that were found.
 *
 * @param images number of selected images
 * @param dimensions number of features of an image
 */
export function selectionProblems(
  input: ResolvedInput,
  listing: Listing,
  { images, dimensions }: { readonly images: number; readonly dimensions: number },
): readonly string[] {
  const problems = missingSplitProblems(input, listing);
  if (images === 0) return problems.length > 0 ? problems : [emptySelectionProblem(input, listing)];
  if (!modeProperties(input.mode).computesFeatures) return problems;
  const problem = componentsProblem(input, images, dimensions);
  return problem === undefined ? problems : [...problems, problem];
}
