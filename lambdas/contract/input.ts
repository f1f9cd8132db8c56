import { z } from "zod";
import { formatCount } from "../../shared/formatting.ts";
import { instanceTypes } from "../catalog/instance-types.ts";
import {
  formats,
  mostCopied,
  mostImagesAsCsv,
  overlaps,
  precisions,
  referenceDays,
  reusedFeatures,
} from "./choices.ts";
import { clusterIdPattern, clusterKnobs, maxCoreNodes } from "./cluster-knobs.ts";
import { layouts } from "./image-tree.ts";
import { modeProperties, modes, modesWithLabel } from "./modes.ts";
import { defaultInputPrefix } from "./s3-layout.ts";

const instanceTypeSchema = z.enum(Object.keys(instanceTypes));
/** An executor on the smallest node can decode an image of this size: see spark/orchard/model/limits.py. */
export const defaultMaxMegapixels = 80;
/** S3's limit for a key. It also keeps the state data far below Step Functions' limit of 256 KiB for any input. */
const maxNameLength = 1024;
const name = z.string().min(1).max(maxNameLength);
/** In UTF-8. Every later state passes the input on, and the state data is limited to 256 KiB. */
export const maxInputBytes = 16_384;
/** The largest limit: a run of 100 million images would take weeks. */
const maxLimit = 100_000_000;
/** Far above the dimensions of any model's features. Preflight compares the number with those of the deployed model. */
const maxComponents = 100_000;
/** Bounds of `maxCostUsd` in US dollars, in the input and in the stack's configuration. */
export const costBounds = { min: 0.01, max: 100_000 } as const;
/** Upper bound of the stack's `maxKeepMinutes`: the longest life of a cluster, 168 hours, less the 40 of an execution. */
export const maxKeepMinutesBound = 7_680;
const maxSplits = 100;
function isWithoutRepeats(list: readonly string[]): boolean {
  return new Set(list).size === list.length;
}

const limitedModes = modes.filter((mode) => modeProperties(mode).defaultLimit !== null);

/**
 * The execution input. Preflight fills in the defaults that depend on the mode or on the stack. The descriptions,
 * defaults and examples are the text of docs/input.md, which `npm run docs` generates.
 */
export const executionInputSchema = z.strictObject({
  mode: z.enum(modes).meta({
    description: `Selects the images and the steps: ${modes.map((mode) => `\`${mode}\` (${modeProperties(mode).description})`).join(", ")}.`,
    examples: ["mini"],
  }),
  label: name.optional().meta({
    description: `The label to process. Required with mode ${modesWithLabel.join(" or ")} and not allowed with any other mode.`,
    examples: ["Apple Golden 1"],
  }),
  input: z
    .string()
    .max(maxNameLength)
    .regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/.*)?$/s, "must be s3://bucket/prefix")
    .refine((uri) => !uri.slice("s3://".length).includes("//"), "must not have a folder without a name (//)")
    .optional()
    .meta({
      description:
        "The image tree: an S3 URI below which images are stored as `<split>/<label>/<image>` or `<label>/<image>`. The " +
        "nodes may read the stack's bucket only, unless you extend their role.",
      defaultText: `the stack's bucket and its \`inputPrefix\`: \`s3://<bucket>/${defaultInputPrefix}\``,
      examples: ["s3://my-bucket/data/photos/"],
    }),
  splits: z
    .array(name)
    .min(1)
    .max(maxSplits)
    .refine(isWithoutRepeats, { message: "must not name a split twice" })
    .optional()
    .meta({
      description:
        "The top folders of the image tree to read, without repeats. The mail and the summary name those that were not.",
      defaultText: '`["Training"]` where the tree has it, otherwise all; with mode "inventory", all',
      examples: [["Training", "Test"]],
    }),
  layout: z
    .enum(layouts)
    .optional()
    .meta({
      description:
        "The folders above an image. A tree without splits has the layout `label`. See [input-trees.md](input-trees.md).",
      defaultText: "detected from where the images lie",
      examples: ["label"],
    }),
  limit: z
    .int()
    .min(2)
    .max(maxLimit)
    .optional()
    .meta({
      description:
        "The largest number of images to process. They are spread evenly over the labels, and the same image tree " +
        "always gives the same selection.",
      defaultText: `${limitedModes.map((mode) => `${modeProperties(mode).defaultLimit} with mode ${mode}`).join(", ")}; otherwise no limit`,
      examples: [1000],
    }),
  pca: z
    .strictObject({
      components: z
        .int()
        .min(1)
        .max(maxComponents)
        .optional()
        .meta({
          description: "The number of principal components to keep.",
          defaultText: `the stack's \`pcaComponents\`: ${clusterKnobs.pcaComponents.def.defaultValue}`,
          examples: [100],
        }),
      variance: z
        .number()
        .gt(0)
        .lte(1)
        .optional()
        .meta({
          description: "Keeps the fewest components whose share of the total variance reaches this value.",
          defaultText: "none: `components` counts",
          examples: [0.9],
        }),
    })
    .refine(({ components, variance }) => (components === undefined) !== (variance === undefined), {
      message: 'must be either {"components": k} or {"variance": v}',
    })
    .optional()
    .meta({ description: "The size of the reduction: exactly one of `components` and `variance`." }),
  formats: z
    .array(z.enum(formats))
    .min(1)
    .max(formats.length)
    .refine(isWithoutRepeats, { message: "must not name a format twice" })
    .optional()
    .meta({
      description: "File formats of the features and of the PCA, without repeats.",
      defaultText: `both up to ${formatCount(mostImagesAsCsv)} images, Parquet alone beyond`,
      examples: [["parquet"]],
    }),
  reusedFeatures: z
    .enum(reusedFeatures)
    .optional()
    .meta({
      description:
        "What a run writes for images whose features the features store has: `copy` writes them to its own files, " +
        "`reference` only the rows of the store to `features/reference/`, and no CSV. Later runs use a reference for " +
        `${referenceDays} days ([contracts.md](contracts.md#results-of-earlier-runs)).`,
      defaultText: `\`copy\` up to ${formatCount(mostCopied)} reused images or with CSV, \`reference\` beyond`,
      examples: ["reference"],
    }),
  force: z
    .boolean()
    .optional()
    .meta({
      description: "Computes all features again, even those that the features store or an earlier run has.",
      default: false,
      examples: [true],
    }),
  maxMegapixels: z
    .int()
    .min(1)
    .max(2000)
    .optional()
    .meta({
      description:
        "The largest image to decode, in millions of pixels; larger ones are listed in `errors/`. Decoding takes 4 to 16 " +
        "bytes a pixel in each of an executor's 4 workers, so a higher limit may need more `cluster.executorMemoryOverhead` " +
        "([images.md](images.md#size)).",
      default: defaultMaxMegapixels,
      examples: [200],
    }),
  exifRotation: z
    .boolean()
    .optional()
    .meta({
      description:
        "Turns photos upright by their EXIF orientation before they are resized, unlike Keras. Such features are kept apart " +
        "from those of other runs ([images.md](images.md#from-a-file-to-the-models-input)).",
      default: false,
      examples: [true],
    }),
  jpegDraft: z
    .boolean()
    .optional()
    .meta({
      description:
        "Decodes large JPEGs at a half, a quarter or an eighth of their rows and columns, which saves more than half of the " +
        "time for photos from cameras. Their features differ a little and are kept apart from those of other runs " +
        "([images.md](images.md#draft-mode)).",
      default: false,
      examples: [true],
    }),
  precision: z
    .enum(precisions)
    .optional()
    .meta({
      description:
        "The numbers in which the model computes. `bf16` takes less time on the instance types m7i, m7a, c7i and c7a, which " +
        "the planner then takes unless types are given; on others, the run takes float32 and says so. Its features differ a " +
        "little and are kept apart from those of other runs ([models.md](models.md#precision)).",
      default: "float32",
      examples: ["bf16"],
    }),
  maxCostUsd: z
    .number()
    .min(costBounds.min)
    .max(costBounds.max)
    .optional()
    .meta({
      description:
        "The ceiling of the quote in US dollars. Preflight refuses a more expensive plan before anything is created, " +
        "and a cluster that has cost this much is terminated (after one hour at the earliest).",
      defaultText: "the stack's `maxCostUsd`: 10",
      examples: [5],
    }),
  cluster: z
    .strictObject({
      id: z
        .string()
        .regex(clusterIdPattern, "must be a cluster's id, such as j-2AXXXXXXGAPLF")
        .optional()
        .meta({
          description:
            "The id of a kept cluster to reuse. Of the other keys of `cluster`, only the executor memory goes with it; " +
            "`keepMinutes` does not.",
          defaultText: "none: a new cluster is created",
          examples: ["j-2AXXXXXXGAPLF"],
        }),
      primaryType: instanceTypeSchema.optional().meta({
        description: "The primary node's instance type, of the stack's `architecture`.",
        defaultText: "the stack's `primaryTypes`, or the planner's choice",
        examples: ["m5.xlarge"],
      }),
      coreType: instanceTypeSchema.optional().meta({
        description: "The core nodes' instance type, of the stack's `architecture`. Implies at least one core node.",
        defaultText: "the stack's `coreTypes`, or the planner's choice",
        examples: ["r5.2xlarge"],
      }),
      coreCount: z
        .int()
        .min(0)
        .max(maxCoreNodes)
        .optional()
        .meta({
          description: "The number of core nodes at the start. 0 means a cluster with a single node.",
          defaultText: "the stack's `coreCount`, or the planner's choice",
          examples: [4],
        }),
      market: clusterKnobs.market
        .unwrap()
        .optional()
        .meta({
          description: "The EC2 purchasing option of the core nodes. The primary node is always on demand.",
          defaultText: `the stack's \`market\`: ${clusterKnobs.market.def.defaultValue}`,
          examples: ["SPOT"],
        }),
      ebsGiB: clusterKnobs.ebsGiB
        .unwrap()
        .optional()
        .meta({
          description: "The size of each node's volume in GiB.",
          defaultText: `the stack's \`ebsGiB\`: ${clusterKnobs.ebsGiB.def.defaultValue}`,
          examples: [256],
        }),
      executorMemory: clusterKnobs.executorMemory.meta({
        description: "The JVM heap of an executor, in Spark's notation. Heap and overhead together must fit the node.",
        defaultText: "the stack's `executorMemory`, or derived from the instance type",
        examples: ["8g"],
      }),
      executorMemoryOverhead: clusterKnobs.executorMemoryOverhead.meta({
        description: "An executor's memory outside the JVM heap, in Spark's notation. The Python workers live here.",
        defaultText: "the stack's `executorMemoryOverhead`, or derived from the instance type",
        examples: ["6g"],
      }),
    })
    .optional()
    .meta({ description: "Overrides the planner's choice of the cluster, or reuses a kept cluster." }),
  keepMinutes: z
    .int()
    .min(0)
    .max(maxKeepMinutesBound)
    .optional()
    .meta({
      description:
        "Keeps the cluster alive for this many minutes after a success, so that a later execution can reuse it. It " +
        "costs money until then. The stack's `maxKeepMinutes` (120) is the upper bound.",
      default: 0,
      examples: [60],
    }),
  /** TakeTurn has acted on it already. Preflight only validates it. */
  overlap: z
    .enum(overlaps)
    .optional()
    .meta({
      description:
        'The reaction to an earlier execution of the same state machine that is still running: "allow" runs at once, ' +
        '"skip" ends without doing anything, "queue" waits up to two hours.',
      default: "allow",
      examples: ["queue"],
    }),
  quality: z
    .strictObject({
      maxErrorRate: z
        .number()
        .min(0)
        .max(1)
        .optional()
        .meta({
          description: "The largest share of images that may be unusable.",
          default: 0.01,
          examples: [0.05],
        }),
      minVariance: z
        .number()
        .gt(0)
        .lte(1)
        .optional()
        .meta({
          description: "The smallest share of the variance that the components must keep.",
          defaultText: "none; below 0.9, the mail has a warning",
          examples: [0.9],
        }),
    })
    .optional()
    .meta({ description: "Limits that valid results must respect. A run that breaks one fails in ValidateResults." }),
});
export type ExecutionInput = Readonly<z.output<typeof executionInputSchema>>;
