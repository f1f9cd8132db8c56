import type { Plan } from "./plan.ts";

/**
 * Version of the code that turns an image into the model's input. Increase it when spark/orchard/model/*.py
 * or their libraries change the result, because features of two decoders must not be reduced together.
 */
export const decoderVersion = 2;

/** The input of MobileNetV2. Keys leave it out, because the first stores date from before there were other models. */
const firstInput = "224-tf";

/** The parts of a plan on which its features depend, beside the images. */
export interface FeaturesSettings extends Pick<Plan, "exifRotation" | "jpegDraft" | "precision"> {
  readonly model: Pick<Plan["model"], "sha256" | "inputSize" | "preprocessing">;
}

/** Identifies everything but the image that determines its features. It is part of keys on S3. */
export function featuresIdentity({ model, exifRotation, jpegDraft, precision }: FeaturesSettings): string {
  const { sha256, inputSize, preprocessing } = model;
  const input = `${inputSize}-${preprocessing}`;
  const options = [
    ...(input === firstInput ? [] : [input]),
    ...(exifRotation ? ["exif"] : []),
    ...(jpegDraft ? ["draft"] : []),
    ...(precision === "float32" ? [] : [precision]),
  ];
  // All of it is one folder name, because readers of a store would also read a store below it.
  return `${sha256}/${[`decoder=${decoderVersion}`, ...options].join("-")}`;
}
