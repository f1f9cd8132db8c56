import { expect, test } from "vitest";
import type { Layout } from "../../../lambdas/contract/image-tree.ts";
import { type Listing, type ListingRequest, listImages } from "../../../lambdas/preflight/list-images.ts";
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

function list(tree: string, changes: Partial<ListingRequest> = {}): Promise<Listing> {
  return listImages(account.s3, tree, { layout: null, splits: null, defaultSplit: null, selectionRule, ...changes });
}

function paths({ images }: Listing): readonly string[] {
  return images.map(({ path }) => path).sort();
}

test.each(inputTrees)("$name", async ({ layout, images, leftOut, folderMarkers }) => {
  const tree = await treeOf([...images, ...Object.values(leftOut).flat()], folderMarkers);

  const listing = await list(tree);

  expect(listing.rules.layout).toBe(layout);
  expect(paths(listing)).toEqual([...images].sort());
  const counts = Object.fromEntries(listing.leftOut.map(({ reason, count }) => [reason, count]));
  expect(counts).toEqual(Object.fromEntries(Object.entries(leftOut).map(([reason, keys]) => [reason, keys.length])));
});

test("splits are the default one where there is one, otherwise all, or those that are named in any Unicode form", async () => {
  const keys = ["Training/A/1.jpg", "Test/A/2.jpg", "Été/B/3.jpg".normalize("NFD")];
  const tree = await treeOf(keys);

  expect(await list(tree, { defaultSplit: "Training" })).toMatchObject({ usedSplits: ["Training"], labels: ["A"] });
  expect((await list(tree, { defaultSplit: "train" })).usedSplits).toHaveLength(3);
  expect(paths(await list(tree, { splits: ["Été", "Test"] }))).toEqual([keys[1], keys[2]].sort());
});

test.each<[Layout, readonly string[]]>([
  ["label", ["Training/5.jpg"]],
  ["split/label", ["Training/A/1.jpg"]],
])("the layout %s can be forced", async (layout, expected) => {
  const tree = await treeOf(["Training/A/1.jpg", "Training/5.jpg"]);

  const listing = await list(tree, { layout });

  expect(paths(listing)).toEqual(expected);
  expect(listing.leftOut).toHaveLength(1);
});
