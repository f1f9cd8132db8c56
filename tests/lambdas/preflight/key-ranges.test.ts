import { S3Client } from "@aws-sdk/client-s3";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { sha256 } from "../../../lambdas/aws/s3.ts";
import { estimateKeys, type KeyRange, splitRange, visitRanges } from "../../../lambdas/preflight/key-ranges.ts";
import { isDeep } from "../../deep.ts";
import { S3Double } from "../../doubles/s3.ts";
import { bucketOfKeys, evenTree } from "../../doubles/s3-listing.ts";
import { type SyntheticS3, startSyntheticS3 } from "../../doubles/synthetic-s3.ts";

const everything: KeyRange = { bucket: "b", prefix: "p/", after: "" };

/** Keys that begin with p/, with characters of one to four bytes, also the last of Unicode, and keys that begin others. */
const names = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 6 }),
  fc.string({ unit: fc.constantFrom("a", "b", "\u{10FFFF}", "\uFFFF", "é", "\u{1F34E}"), minLength: 1, maxLength: 5 }),
);
const keySets = fc
  .uniqueArray(
    names.map((name) => `p/${name}`),
    { minLength: 1, maxLength: 20 },
  )
  .map((keys) => [...keys, "o/before", "p", "p0", "q/after"]);

async function keysOf(s3: S3Client, range: KeyRange): Promise<readonly string[]> {
  const found: string[] = [];
  await visitRanges(s3, [range], (objects) => found.push(...objects.map(({ key }) => key)) > 0);
  return found;
}

test("the parts of a range have each of its keys once, whatever the alphabet", async () => {
  await fc.assert(
    fc.asyncProperty(keySets, fc.nat({ max: 23 }), async (keys, cut) => {
      const s3 = new S3Double();
      for (const key of keys) s3.write(key, "x");
      const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const after = sorted[cut] ?? "";
      const isAfter = (key: string): boolean => Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0;

      const parts = await splitRange(s3.client, { ...everything, after });

      const found = (await Promise.all(parts.map((part) => keysOf(s3.client, part)))).flat();
      expect(found.sort()).toEqual(keys.filter((key) => key.startsWith("p/") && isAfter(key)).sort());
    }),
    { numRuns: isDeep ? 500 : 50 },
  );
});

let s3: SyntheticS3 | undefined;
afterEach(() => s3?.close());

async function clientOf(...[bucket]: Parameters<typeof startSyntheticS3>): Promise<S3Client> {
  s3 = await startSyntheticS3(bucket);
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  return new S3Client({ endpoint: s3.url, region: "eu-west-1", forcePathStyle: true, credentials });
}

const tree: KeyRange = { bucket: "b", prefix: "data/raw/Training/label-0000/", after: "" };

test("a range of many pages is split, and each of its keys is listed once", async () => {
  const { count, keyAt } = evenTree(3_000);
  const client = await clientOf({ count, keyAt, keysPerPage: 10 });
  const seen = new Map<string, number>();

  const left = await visitRanges(client, [tree], (objects) => {
    for (const { key } of objects) seen.set(key, (seen.get(key) ?? 0) + 1);
    return true;
  });

  expect(left).toEqual([]);
  expect(seen.size).toBe(3_000);
  expect(new Set(seen.values())).toEqual(new Set([1]));
});

test("a listing that is ended leaves the ranges that it has not listed, which can be estimated", async () => {
  const client = await clientOf({ ...evenTree(4_000, 2), keysPerPage: 10 });
  const ranges = ["0000", "0001"].map((label) => ({ ...tree, prefix: `data/raw/Training/label-${label}/` }));
  let listed = 0;

  const left = await visitRanges(client, ranges, (objects) => {
    listed += objects.length;
    return listed < 500;
  });

  expect(listed).toBeGreaterThanOrEqual(500);
  expect(listed).toBeLessThan(1_500);
  expect((await estimateKeys(client, left)) / (4_000 - listed)).toBeCloseTo(1, 1);
});

test("an estimate of labels whose sizes differ fortyfold is near, at a bounded number of requests", async () => {
  const sizes = Array.from({ length: 40 }, (_, index) => Math.ceil(800 / (1 + ((37 * index) % 40))));
  const prefixes = sizes.map((_, index) => `data/raw/label-${String(index).padStart(3, "0")}/`);
  const keys = sizes.flatMap((size, index) =>
    Array.from({ length: size }, (_, number) => `${prefixes[index]}${sha256(String(number))}.jpg`),
  );
  const client = await clientOf({ ...bucketOfKeys(keys), keysPerPage: 10 });
  let listed = 0;
  const left = await visitRanges(
    client,
    prefixes.map((prefix) => ({ ...everything, prefix })),
    (objects) => {
      listed += objects.length;
      return listed < 700;
    },
  );
  const before = s3?.requests() ?? 0;

  const estimate = await estimateKeys(client, left);

  expect(Math.abs((listed + estimate) / keys.length - 1)).toBeLessThan(0.05);
  expect((s3?.requests() ?? 0) - before).toBeLessThan(13_000);
});

test("a listing that is ended has begun every label", async () => {
  const client = await clientOf({ ...evenTree(4_000, 40), keysPerPage: 10 });
  const prefixes = Array.from(
    { length: 40 },
    (_, label) => `data/raw/Training/label-${String(label).padStart(4, "0")}/`,
  );
  const seen = new Set<string>();
  let listed = 0;

  await visitRanges(
    client,
    prefixes.map((prefix) => ({ ...tree, prefix })),
    (objects) => {
      listed += objects.length;
      for (const { key } of objects) seen.add(key.slice(0, key.lastIndexOf("/")));
      return listed < 1_000;
    },
  );

  expect(seen.size).toBe(40);
});

test.each([
  ["numbers with leading zeros", (index: number) => String(index).padStart(8, "0"), 0.05],
  ["numbers without them", (index: number) => String(index), 0.3],
  ["random names", (index: number) => sha256(String(index)), 0.1],
])("an estimate of %s is near, and always the same", async (_, name, error) => {
  const count = isDeep ? 50_000 : 1_000;
  const client = await clientOf({
    ...bucketOfKeys(Array.from({ length: count }, (__, index) => `${tree.prefix}${name(index)}.jpg`)),
    keysPerPage: 20,
  });

  const estimate = await estimateKeys(client, [tree]);

  expect(Math.abs(estimate / count - 1)).toBeLessThan(error);
  expect(await estimateKeys(client, [tree])).toBe(estimate);
});
