import { S3Client } from "@aws-sdk/client-s3";
import { afterEach, expect, test } from "vitest";
import { listImages } from "../../../lambdas/preflight/list-images.ts";
import { type Selected, Selector } from "../../../lambdas/preflight/selection.ts";
import { isDeep } from "../../deep.ts";
import { evenTree } from "../../doubles/s3-listing.ts";
import { type SyntheticS3, startSyntheticS3 } from "../../doubles/synthetic-s3.ts";

let s3: SyntheticS3 | undefined;
afterEach(() => s3?.close());

const tree = "s3://bucket/data/raw/";
const selectionRule = { labelPrefix: null, label: null, limit: null };

/** Lists a tree as Preflight does, through the SDK and HTTP, and returns its figures and the MiB of memory at the most. */
async function measure(
  bucket: Parameters<typeof startSyntheticS3>[0],
  maxKeys?: number,
): Promise<Selected & { readonly heapMiB: number }> {
  s3 = await startSyntheticS3(bucket);
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const client = new S3Client({ endpoint: s3.url, region: "eu-west-1", forcePathStyle: true, credentials });
  const selector = new Selector(tree, null);
  const request = { layout: null, splits: null, defaultSplit: null, selectionRule };
  let heap = 0;
  let images = 0;
  const listing = await listImages(client, tree, maxKeys === undefined ? request : { ...request, maxKeys }, (image) => {
    selector.add(image);
    images += 1;
    if (images % 10_000 === 0) heap = Math.max(heap, process.memoryUsage().heapUsed);
  });
  return { ...selector.select(listing), heapMiB: heap / 2 ** 20 };
}

test("a flat label is counted whole", async () => {
  const { counts, fingerprint } = await measure({ ...evenTree(40_000), latencyMs: 1 });

  expect(counts).toEqual({ images: 40_000, labels: 1, bytes: 40_000 * 1_024 });
  expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
});

test("above the limit of keys, the images are estimated", async () => {
  const { counts, fingerprint } = await measure({ ...evenTree(20_000, 200), latencyMs: 1 }, 4_000);

  expect(counts).toMatchObject({ labels: 200, estimated: true });
  expect(counts.images / 20_000).toBeCloseTo(1, 1);
  expect(counts.bytes).toBe(counts.images * 1_024);
  expect(fingerprint).toBeNull();
});

// S3 answers a LIST in 50 ms at best.
test.runIf(isDeep).each([1, 131])(
  "ten million images in %i labels fit into the function's memory and time",
  async (labels) => {
    const { counts, heapMiB } = await measure({ ...evenTree(10_000_000, labels), latencyMs: 50 });

    expect(counts).toMatchObject({ labels, estimated: true });
    expect(Math.abs(counts.images / 10_000_000 - 1)).toBeLessThan(0.02);
    expect(heapMiB).toBeLessThan(1_024);
  },
  900_000,
);
