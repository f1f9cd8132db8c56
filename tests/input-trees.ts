// The table of image trees on which every reader of a tree is tested: the command line, Preflight and the Inventory step.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { layouts } from "../lambdas/contract/image-tree.ts";

const inputTreeSchema = z.object({
  name: z.string(),
  /** The layout that is detected. */
  layout: z.enum(layouts),
  /** Keys below the tree's prefix. */
  images: z.array(z.string()),
  /** Other files, by the reason to leave them out. */
  leftOut: z.record(z.string(), z.array(z.string())),
  /** Keys of empty objects that stand for folders. */
  folderMarkers: z.array(z.string()).default([]),
  /** Whether file systems cannot hold such a tree. */
  onlyS3: z.boolean().default(false),
});
export type InputTree = Readonly<z.output<typeof inputTreeSchema>>;

const table: unknown = JSON.parse(readFileSync(join(import.meta.dirname, "input-trees.json"), "utf8"));
export const inputTrees: readonly InputTree[] = z.array(inputTreeSchema).parse(table);
