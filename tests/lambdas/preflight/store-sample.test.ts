import fc from "fast-check";
import { expect, test } from "vitest";
import { sha256 } from "../../../lambdas/aws/s3.ts";
import { bucketOf, StoreSampler } from "../../../lambdas/preflight/store-sample.ts";

function sampleOf(count: number, most: number) {
  const sampler = new StoreSampler(most);
  for (let index = 0; index < count; index += 1) sampler.add({ path: `s3://b/${index}.jpg`, etag: `${index}` });
  return sampler.sample;
}

test("a bucket is the first byte of the path's sha256", () => {
  expect(bucketOf("s3://b/é.jpg")).toBe(Number.parseInt(sha256("s3://b/é.jpg").slice(0, 2), 16));
});

test("all images are kept as long as they are few", () => {
  const { images, buckets } = sampleOf(100, 100);

  expect(images).toHaveLength(100);
  expect(buckets).toBe(256);
});

test("of more images, those of half of the buckets are kept, or of a half of that", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 10, max: 500 }), (count, most) => {
      const { images, buckets } = sampleOf(count, most);

      expect(images.length).toBeLessThanOrEqual(Math.max(most, count / 128));
      const expected = Array.from({ length: count }, (_, index) => `s3://b/${index}.jpg`).filter(
        (path) => bucketOf(path) < buckets,
      );
      expect(images.map(({ path }) => path)).toEqual(expected);
    }),
    { numRuns: 20 },
  );
});
