import type { S3Client } from "@aws-sdk/client-s3";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isFolderMarker, type Layout, layouts } from "../../../lambdas/contract/image-tree.ts";
import { type Listing, type ListingRequest, listImages } from "../../../lambdas/preflight/list-images.ts";
import { S3Double } from "../../doubles/s3.ts";
import { inputTrees } from "../../input-trees.ts";
import { createBucket, putObject, uniqueName } from "../fixtures.ts";
import { startMinistack } from "../ministack.ts";

const account = await startMinistack();
const selectionRule = { labelPrefix: null, label: null, limit: null };

async function treeOf(keys: readonly string[], markers: readonly string[] = []): Promise<string> {
  const bucket = uniqueName("tree");
  await createBucket(account, bucket);
  for (const key of keys) await putObject(account, bucket, `data/raw/${key}`, "x");
  for (const key of markers) await putObject(account, bucket, `data/raw/${key}`, "");
  return `s3://${bucket}/data/raw/`;
}

type ListingWithPaths = Listing & { readonly paths: readonly string[] };

async function listWith(s3: S3Client, tree: string, changes: Partial<ListingRequest> = {}): Promise<ListingWithPaths> {
  const request = { layout: null, splits: null, defaultSplit: null, selectionRule, ...changes };
  const found: string[] = [];
  const listing = await listImages(s3, tree, request, ({ path }) => found.push(path));
  return { ...listing, paths: found.sort() };
}

function list(tree: string, changes: Partial<ListingRequest> = {}): Promise<ListingWithPaths> {
  return listWith(account.s3, tree, changes);
}

test.each(inputTrees)("$name", async ({ layout, images, leftOut, folderMarkers }) => {
  const tree = await treeOf([...images, ...Object.values(leftOut).flat()], folderMarkers);

  const listing = await list(tree);

  expect(listing.rules.layout).toBe(layout);
  expect(listing.paths).toEqual([...images].sort());
  const counts = Object.fromEntries(listing.leftOut.map(({ reason, count }) => [reason, count]));
  expect(counts).toEqual(Object.fromEntries(Object.entries(leftOut).map(([reason, keys]) => [reason, keys.length])));
});

test("splits are the default one where there is one, otherwise all, or those that are named in any Unicode form", async () => {
  const keys = ["Training/A/1.jpg", "Test/A/2.jpg", "Été/B/3.jpg".normalize("NFD")];
  const tree = await treeOf(keys);

  expect(await list(tree, { defaultSplit: "Training" })).toMatchObject({ usedSplits: ["Training"], labels: ["A"] });
  expect((await list(tree, { defaultSplit: "train" })).usedSplits).toHaveLength(3);
  expect((await list(tree, { splits: ["Été", "Test"] })).paths).toEqual([keys[1], keys[2]].sort());
});

test.each<[Layout, readonly string[]]>([
  ["label", ["Training/5.jpg"]],
  ["split/label", ["Training/A/1.jpg"]],
])("the layout %s can be forced", async (layout, expected) => {
  const tree = await treeOf(["Training/A/1.jpg", "Training/5.jpg"]);

  const listing = await list(tree, { layout });

  expect(listing.paths).toEqual(expected);
  expect(listing.leftOut).toHaveLength(1);
});

const aName = fc.oneof(
  fc.constantFrom(
    "",
    "Training",
    "Test",
    "Apple",
    "1.jpg",
    "2.PNG",
    "x.txt",
    ".hidden",
    "._1.jpg",
    "__MACOSX",
    "a\r.jpg",
  ),
  fc.string({ unit: "grapheme", maxLength: 4 }).map((name) => `${name.replaceAll("/", "")}.jpg`),
);
const aTree = fc.uniqueArray(
  fc.record({
    key: fc.array(aName, { minLength: 1, maxLength: 5 }).map((names) => names.join("/")),
    bytes: fc.integer({ min: 0, max: 2 }),
  }),
  { selector: ({ key }) => key, maxLength: 15 },
);

test("every file is an image or left out, exactly once, whatever the names and the layout", async () => {
  const layout = fc.constantFrom<Layout | null>(null, ...layouts);
  await fc.assert(
    fc.asyncProperty(aTree, layout, async (files, given) => {
      const s3 = new S3Double();
      for (const { key, bytes } of files) s3.write(`data/raw/${key}`, "x".repeat(bytes));

      const listing = await listWith(s3.client, "s3://bucket/data/raw/", { layout: given });

      const expected = files.filter((file) => !isFolderMarker(file));
      const leftOut = listing.leftOut.reduce((sum, { count }) => sum + count, 0);
      expect(listing.paths.length + leftOut).toBe(expected.length);
      expect(new Set(listing.paths).size).toBe(listing.paths.length);
      const keys = new Set(expected.map(({ key }) => key));
      expect(listing.paths.filter((path) => !keys.has(path))).toEqual([]);
    }),
  );
});
