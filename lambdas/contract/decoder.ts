import type { Plan } from "./plan.ts";

/**
 * Version of the code that turns an image into the model's input. Increase it when spark/orchard/model/*.py
 * or their libraries change the result, because features of two decoders must not be reduced together.
 */
export const decoderVersion = 2;

/** The input of MobileNetV2, whose stores are from before there were other models. */
const firstInput = "224-tf";

/** Identifies everything but the image that determines its features. It is part of keys on S3. */
export function featuresIdentity({
  sha256,
  inputSize,
  preprocessing,
}: Pick<Plan["model"], "sha256" | "inputSize" | "preprocessing">): string {
  const input = `${inputSize}-${preprocessing}`;
  return `${sha256}/decoder=${decoderVersion}${input === firstInput ? "" : `-${input}`}`;
}
