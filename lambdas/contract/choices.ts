/** File formats of the results. */
export const formats = ["parquet", "csv"] as const;

/**
 * Up to this many images, a run without `formats` writes CSV as well. An image takes 13.1 kB in CSV and 5.1 kB in Parquet.
 * More images would make a CSV of more than 2.6 GB, which spreadsheets do not open, and other tools read Parquet.
 */
export const mostImagesAsCsv = 200_000;

/** The formats of a run whose input names none. */
export function defaultFormats(images: number): readonly (typeof formats)[number][] {
  return images <= mostImagesAsCsv ? formats : ["parquet"];
}

/** Names how a run gets features that the store has: as copies in its own files, or as a reference to the store's rows. */
export const reusedFeatures = ["copy", "reference"] as const;

/**
 * Up to this many reused images, a run copies their features by default: 1.0 GB, at 5.1 kB an image. A reference takes 14
 * bytes an image, but other tools cannot read the features by it.
 */
export const mostCopied = 200_000;

/** The choice for a run whose input has none. CSV files are complete, so a run that writes them copies. */
export function defaultReusedFeatures(
  reused: number,
  written: readonly (typeof formats)[number][],
): (typeof reusedFeatures)[number] {
  return reused <= mostCopied || written.includes("csv") ? "copy" : "reference";
}

/**
 * For this many days, later runs reuse a run that refers to features in the store. The store keeps the features a little
 * longer: EXPIRY in spark/orchard/store/records.py says why.
 */
export const referenceDays = 80;

/** Numbers in which the model computes. The images and the features are float32 in any case. */
export const precisions = ["float32", "bf16"] as const;
export type Precision = (typeof precisions)[number];

/**
 * Origin of the model's weights: Keras's own file, another file of weights, or random numbers, with which the features
 * mean nothing. Keras publishes no digest of its file, so "imagenet" means that it came from Keras's address or cache.
 */
export const modelWeights = ["imagenet", "file", "seeded"] as const;

/** EC2 purchasing options of the core nodes. */
export const markets = ["ON_DEMAND", "SPOT"] as const;

/** Names how an execution reacts to an earlier execution of the same state machine that is still running. */
export const overlaps = ["allow", "skip", "queue"] as const;
