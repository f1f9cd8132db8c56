// The rules that decide which files of a tree are images, and why the others are left out. docs/input-trees.md describes
// them. The lists are in image-tree.json; plan.json carries them to Spark, which decides by the same rules.
import { z } from "zod";
import { cutList, cutText, quoteValue } from "../../shared/bounded-text.ts";
import { plural } from "../../shared/formatting.ts";
import data from "./image-tree.json" with { type: "json" };

export const { imageEndings } = data;

export const layouts = ["split/label", "label"] as const;
export type Layout = (typeof layouts)[number];

/** Reasons to leave a file out, in the order in which they are tried, with their text in messages and mails. */
export const leftOutReasons = {
  unreadable: "cannot be read",
  "not-utf8": "a name that is not UTF-8",
  "empty-name": "a folder or file without a name (//)",
  hidden: "hidden, or made by the operating system (.name, ._name, __MACOSX, @eaDir)",
  ending: `another ending than ${imageEndings.join(" ")}`,
  shallow: "outside of a label folder",
  deep: "deeper than a label folder",
} as const;
export type LeftOutReason = keyof typeof leftOutReasons;
const reasons = Object.keys(leftOutReasons) as [LeftOutReason, ...LeftOutReason[]];

/** The rules for a tree, as plan.json carries them. */
export const treeRulesSchema = z.object({
  /** The folders above an image, from the tree's root. */
  layout: z.enum(layouts),
  imageEndings: z.array(z.string()),
  hiddenFolders: z.array(z.string()),
});
export type TreeRules = Readonly<z.output<typeof treeRulesSchema>>;

export function treeRules(layout: Layout): TreeRules {
  return { layout, ...data };
}

/** The last file that `orchard pack` writes when it makes a pack of a tree, in the root (spark/orchard/pack/manifest.py). */
export const packManifest = "pack.json";

/** Whether a path from the root of a tree names a file of a pack. */
export function isPackFile(key: string): boolean {
  return key === packManifest || /^shards\/\d{5,}\.parquet$/.test(key);
}

/** Number of folders above an image. */
export function depthOf(layout: Layout): number {
  return layout.split("/").length;
}

/** Names that datasets give to splits, in lower case. */
const splitNames = new Set(["train", "training", "test", "testing", "val", "valid", "validation", "dev"]);

export function isSplitName(name: string | undefined): boolean {
  return name !== undefined && splitNames.has(name.toLowerCase());
}

/** Detects the layout of a tree from the paths of its files, one by one; files that are not images have no influence. */
export class LayoutVote {
  private readonly images = { "split/label": 0, label: 0 };
  private hasSplitName = false;

  add(key: string): void {
    const layout = layouts.find((each) => reasonToLeaveOut(treeRules(each), key) === undefined);
    if (layout === undefined) return;
    this.images[layout] += 1;
    if (layout === "split/label" && isSplitName(key.split("/")[0])) this.hasSplitName = true;
  }

  get hasLabelImages(): boolean {
    return this.images.label > 0;
  }

  get layout(): Layout {
    return this.hasSplitName || this.images["split/label"] >= this.images.label ? "split/label" : "label";
  }
}

/** Detects the layout of a tree from the paths of its files. */
export function detectLayout(keys: readonly string[]): Layout {
  const vote = new LayoutVote();
  for (const key of keys) vote.add(key);
  return vote.layout;
}

/** Whether a name has the ending of an image, in any letter case. */
export function hasImageEnding(name: string, endings: readonly string[] = imageEndings): boolean {
  const lower = name.toLowerCase();
  return endings.some((ending) => lower.endsWith(ending));
}

/** A file's place in the tree, from its root: the key of its object without the tree's prefix. */
export interface TreeFile {
  readonly key: string;
  readonly bytes: number;
}

/** A folder marker: S3's console and some tools write an empty object whose key ends in a slash for each folder. */
export function isFolderMarker({ key, bytes }: TreeFile): boolean {
  return bytes === 0 && (key === "" || key.endsWith("/"));
}

/** Returns why a file is not an image of the tree; undefined for an image. */
export function reasonToLeaveOut(rules: TreeRules, key: string): LeftOutReason | undefined {
  const names = key.split("/");
  const folders = names.slice(0, -1);
  const file = names.at(-1) ?? "";
  if (!key.isWellFormed()) return "not-utf8";
  if (names.includes("")) return "empty-name";
  if (names.some((name) => name.startsWith(".")) || folders.some((name) => rules.hiddenFolders.includes(name)))
    return "hidden";
  if (!hasImageEnding(file, rules.imageEndings)) return "ending";
  const depth = depthOf(rules.layout);
  if (folders.length < depth) return "shallow";
  return folders.length > depth ? "deep" : undefined;
}

/** Whether the names of a folder and of the folders above it allow images of the tree in it. */
export function isVisibleFolder(rules: TreeRules, folder: string): boolean {
  const reason = reasonToLeaveOut(rules, `${folder}/image.jpg`);
  return reason === undefined || reason === "shallow" || reason === "deep";
}

/** The files that are left out for one reason. */
export const leftOutSchema = z.object({
  reason: z.enum(reasons),
  count: z.int(),
  /** The first keys, in the order of their UTF-8 bytes. */
  examples: z.array(z.string()),
});
export type LeftOut = Readonly<z.output<typeof leftOutSchema>>;

const examplesShown = 3;

/** Counts the files that are left out by reason, and keeps only the first examples of each. */
export class LeftOutCounter {
  private readonly found = new Map<LeftOutReason, { count: number; first: readonly string[] }>();

  add(key: string, reason: LeftOutReason): void {
    const { count, first } = this.found.get(reason) ?? { count: 0, first: [] };
    const last = first[examplesShown - 1];
    const isFirst = last === undefined || byCodePoint(key, last) < 0;
    this.found.set(reason, {
      count: count + 1,
      first: isFirst ? [...first, key].sort(byCodePoint).slice(0, examplesShown) : first,
    });
  }

  /** In the order of the reasons. */
  summarize(): readonly LeftOut[] {
    return reasons.flatMap((reason) => {
      const found = this.found.get(reason);
      return found ? [{ reason, count: found.count, examples: found.first.map((key) => cutText(key)) }] : [];
    });
  }
}

/** Counts the files that are left out by reason, with the first examples of each. */
export function summarizeLeftOut(
  files: readonly { readonly key: string; readonly reason: LeftOutReason }[],
): readonly LeftOut[] {
  const counter = new LeftOutCounter();
  for (const { key, reason } of files) counter.add(key, reason);
  return counter.summarize();
}

/** Describes the files that are left out for one reason as a line. */
export function describeLeftOut({ reason, count, examples }: LeftOut): string {
  const more = count > examples.length ? ", …" : "";
  return `Left out: ${plural(count, "file")}, ${leftOutReasons[reason]}: ${examples.map(quoteName).join(", ")}${more}`;
}

/** Quotes a name so that control characters and bytes that are not UTF-8 show. */
export function quoteName(name: string): string {
  // JSON escapes a lone surrogate, which stands for such a byte, as \udc80 to \udcff.
  return quoteValue(name).replaceAll(/\\udc([89a-f][0-9a-f])/g, "\\x$1");
}

/** Cuts a list of names for the plan, which keeps the state data far below Step Functions' limit of 256 KiB. */
export function shortenNames(names: readonly string[]): string[] {
  return [...cutList(names.map((name) => cutText(name)))];
}

/** Describes the splits of a run; undefined for a tree without splits. */
export function describeSplits(used: readonly string[], unused: readonly string[]): string | undefined {
  if (used.length === 0) return undefined;
  const list = (names: readonly string[]): string =>
    names.map((name) => (/[\p{C}\p{Zl}\p{Zp}]/u.test(name) ? quoteName(name) : name)).join(", ");
  return `${list(used)}${unused.length > 0 ? ` (not used: ${list(unused)})` : ""}`;
}

/** Compares by code point, like S3 and Python. JavaScript compares UTF-16 code units, whose order differs. */
export function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Whether two names are the same text: é as one character (NFC), or as e and an accent (NFD, as macOS writes it). */
export function isSameName(a: string, b: string): boolean {
  return a === b || a.normalize("NFC") === b.normalize("NFC");
}
