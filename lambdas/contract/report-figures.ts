import { z } from "zod";

// report/figures.json of a run: the figures of the report that only the Spark job can compute. ReduceDimensions writes
// it, WriteReport reads it. All lists are bounded, so that the file stays below a few megabytes for any number of images.

/** Numbers as base64 of their little-endian bytes: images × columns, row by row. */
const packedSchema = z.object({ type: z.enum(["uint8", "uint16", "uint32"]), columns: z.int(), base64: z.base64() });

/**
 * One principal component of the images in the picture: `values` holds a quantized coordinate for each image, and
 * `minimum + value * step` is the coordinate.
 */
const componentSchema = z.object({ minimum: z.number(), step: z.number(), values: packedSchema });

/** An image by its position in `images.paths`. */
const imageIndexSchema = z.int().nonnegative();

export const reportFiguresSchema = z.object({
  /** Every label with its number of images in the run, in ascending order of the label; at most 5,000 labels. */
  labels: z.array(z.object({ label: z.string(), images: z.int() })),
  /** The images of the picture: all of them, or an even selection over the labels if there are more than 70,000. */
  images: z.object({
    total: z.int(),
    /** Common prefix of all paths, which `paths` omits. */
    prefix: z.string(),
    paths: z.array(z.string()),
    /** Position of each image's label in `labels`. */
    labels: packedSchema,
  }),
  /** The first components, at most ten. */
  components: z.array(componentSchema),
  /** A sample of the images, evenly selected over the labels, on which the distances below are computed. */
  sample: z.object({
    images: z.array(imageIndexSchema),
    /** Number of components that the distances use. */
    components: z.int(),
    /** Five nearest images of each image of the sample, as positions in `sample.images`; and the distances to them. */
    neighbours: packedSchema,
    distances: z.array(z.array(z.number())),
    /** Share of the sample whose nearest image has the same label; null with fewer than two labels. */
    agreement: z.number().nullable(),
    /** Mean silhouette coefficient, from -1 to 1; null with fewer than two labels. */
    silhouette: z.number().nullable(),
  }),
  /** The pairs of labels that the nearest image confuses most often, at most 200, the most frequent first. */
  confusions: z.array(z.object({ label: z.string(), nearest: z.string(), images: z.int() })),
  /** Pairs of images with the same content (etag), and pairs of the sample closer than `bound`; at most 100 each. */
  duplicates: z.object({
    bound: z.number(),
    exact: z.object({ pairs: z.int(), examples: z.array(z.tuple([z.string(), z.string()])) }),
    near: z.object({ pairs: z.int(), examples: z.array(z.tuple([z.string(), z.string(), z.number()])) }),
  }),
  /** The images farthest from the mean, measured over all images, the farthest first; at most ten. */
  outliers: z.array(z.object({ path: z.string(), label: z.string(), distance: z.number() })),
  /** Thumbnails of some images of the sample as one JPEG, `columns` in a row, each `size` pixels wide and high. */
  thumbnails: z
    .object({ images: z.array(imageIndexSchema), size: z.int(), columns: z.int(), jpegBase64: z.base64() })
    .nullable(),
  /** The stages of the Spark job of this step, and of the features step if it ran; times in milliseconds since 1970. */
  stages: z.array(
    z.object({
      step: z.string(),
      name: z.string(),
      startedAt: z.number(),
      endedAt: z.number(),
      tasks: z.int(),
      images: z.int().nullable(),
    }),
  ),
});
export type ReportFigures = Readonly<z.output<typeof reportFiguresSchema>>;
