/**
 * What turns an image into the model's input, by number. To be raised when spark/orchard/model/{images,litert}.py, or the
 * libraries that they use, compute something else: features of two decoders are not to be reduced together.
 */
export const decoderVersion = 1;

/** What decides, beside the image itself, what its features are; a part of keys on S3. */
export function featuresIdentity({ sha256 }: { readonly sha256: string }): string {
  return `${sha256}/decoder=${decoderVersion}`;
}
