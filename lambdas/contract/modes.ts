import { z } from "zod";
import { isSameName } from "./image-tree.ts";

/** The properties of a mode, from which the schemas, the command line and Preflight derive their behavior. */
export interface ModeProperties {
  /** For the command line's help. */
  readonly description: string;
  /** Only labels with this prefix, in any letter case, are used; null uses labels with any name. */
  readonly labelPrefix: string | null;
  /** Whether the execution input must name the one label to use. Other modes must not name a label. */
  readonly takesLabel: boolean;
  /** Number of images to use when the execution input gives no limit; null uses all. */
  readonly defaultLimit: number | null;
  /** The split to use when the execution input names none. If it is null or the tree lacks it, all splits are used. */
  readonly defaultSplit: string | null;
  /** Whether the run computes features and reduces them, or stops after the inventory. */
  readonly computesFeatures: boolean;
}

const allTrainingImages = {
  labelPrefix: null,
  takesLabel: false,
  defaultLimit: null,
  defaultSplit: "Training",
  computesFeatures: true,
} as const;

/** All modes. To add a mode, add a row here. */
export const modeTable = {
  inventory: {
    ...allTrainingImages,
    description: "metadata and counts only",
    defaultSplit: null,
    computesFeatures: false,
  },
  mini: {
    ...allTrainingImages,
    description: '300 images of the labels that begin with "Apple"',
    labelPrefix: "Apple",
    defaultLimit: 300,
  },
  apples: {
    ...allTrainingImages,
    description: 'all images of the labels that begin with "Apple"',
    labelPrefix: "Apple",
  },
  full: { ...allTrainingImages, description: "all images of the splits" },
  "single-class": { ...allTrainingImages, description: "the images of one label", takesLabel: true },
} as const satisfies Readonly<Record<string, ModeProperties>>;

export type Mode = keyof typeof modeTable;
export const modes = Object.keys(modeTable) as [Mode, ...Mode[]];
export const modesWithLabel = modes.filter((mode) => modeTable[mode].takesLabel);

export function modeProperties(mode: Mode): ModeProperties {
  return modeTable[mode];
}

/** Selects the images of a run within its splits. Preflight and Spark apply the same rule. */
export const selectionRuleSchema = z.object({
  /** Only labels with this prefix, in any letter case, are selected; null selects labels with any name. */
  labelPrefix: z.string().nullable(),
  /** Only this label, in any Unicode normalization form, is selected; null selects all. */
  label: z.string().nullable(),
  /** Images to select, spread evenly over the labels; null selects all. */
  limit: z.int().nullable(),
});
export type SelectionRule = Readonly<z.output<typeof selectionRuleSchema>>;

/** Whether the rule selects images of a label. */
export function selectsLabel({ labelPrefix, label }: SelectionRule, name: string): boolean {
  const hasPrefix = name.toLowerCase().startsWith((labelPrefix ?? "").toLowerCase());
  return hasPrefix && (label === null || isSameName(name, label));
}
