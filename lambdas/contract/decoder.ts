/**
 * Version of the code that turns an image into the model's input. Increase it when spark/orchard/model/*.py
 * or their libraries change the result, because features of two decoders must not be reduced together.
 */
export const decoderVersion = 2;

/** Identifies everything but the image that determines its features. It is part of keys on S3. */
export function featuresIdentity({ sha256 }: { readonly sha256: string }): string {
  return `${sha256}/decoder=${decoderVersion}`;
}
