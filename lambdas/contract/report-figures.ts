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
  /**
   * Labels with their numbers of images in the run, in ascending order of the label's code points: all of them, or the
   * 5,000 most frequent ones. Images of other labels count in `images.total` and are in no picture.
   */
  labels: z.array(z.object({ label: z.string(), images: z.int() })),
  /**
   * The images of the picture, in the order of their paths: all of them, or an even selection over the labels if there
   * are more than 70,000 or if their paths are very long.
   */
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
    /**
     * The nearest images of each image of the sample, the nearest first, as positions in `sample.images`, and the
     * distances to them: five, or fewer if the sample is smaller than six.
     */
    neighbours: packedSchema,
    distances: z.array(z.array(z.number())),
    /** Share of the sample whose nearest image has the same label; null if the sample has fewer than two labels. */
    agreement: z.number().nullable(),
    /** Mean silhouette coefficient, from -1 to 1; null if the sample has one label only, or a label for each image. */
    silhouette: z.number().nullable(),
  }),
  /** The pairs of labels that the nearest image confuses most often, at most 200, the most frequent first. */
  confusions: z.array(z.object({ label: z.string(), nearest: z.string(), images: z.int() })),
  /** Copies of images; at most 100 examples each, with the images' paths. */
  duplicates: z.object({
    /** Largest distance of near-duplicates: a tenth of the median distance to the nearest image of the sample. */
    bound: z.number(),
    /**
     * Images with the same content as an image that precedes them in the order of the paths: each is a pair with the
     * first one. The content is compared by the etags of the selection. Equal content has different etags if it was uploaded
     * in other parts or encrypted by KMS. Null if the run's inventory is gone, the images are not on S3, or there are more
     * than three million.
     */
    exact: z.object({ pairs: z.int(), examples: z.array(z.tuple([z.string(), z.string()])) }).nullable(),
    /** Pairs of an image of the sample and one of its nearest images, the closest first. */
    near: z.object({ pairs: z.int(), examples: z.array(z.tuple([z.string(), z.string(), z.number()])) }),
  }),
  /** The images farthest from the mean of all images by their components, the farthest first; at most ten. */
  outliers: z.array(z.object({ path: z.string(), label: z.string(), distance: z.number() })),
  /**
   * Thumbnails of some images of the sample as one JPEG, `columns` in a row, each `size` pixels wide and high. They show the
   * images as the model sees them, squeezed to a square. Null if none could be read.
   */
  thumbnails: z
    .object({ images: z.array(imageIndexSchema), size: z.int(), columns: z.int(), jpegBase64: z.base64() })
    .nullable(),
  /** The stages of all Spark steps of the run, in the order of their start; times in milliseconds since 1970. */
  stages: z.array(
    z.object({
      step: z.enum(["inventory", "features", "reduction"]),
      name: z.string(),
      startedAt: z.number(),
      endedAt: z.number(),
      tasks: z.int(),
      images: z.int().nullable(),
    }),
  ),
});
export type ReportFigures = Readonly<z.output<typeof reportFiguresSchema>>;
