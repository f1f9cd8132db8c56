import fc from "fast-check";
import { expect, test } from "vitest";
import { listImages } from "../../../lambdas/preflight/list-images.ts";
import { findPack, fingerprintPacked, type Pack, selectFromPack } from "../../../lambdas/preflight/packed-tree.ts";
import { Selector } from "../../../lambdas/preflight/selection.ts";
import { S3Double } from "../../doubles/s3.ts";
import examples from "../../packed-selections.json" with { type: "json" };

const tree = "s3://bucket/data/raw/";

const groups = fc.uniqueArray(
  fc.record({
    split: fc.constantFrom("Training", "Test"),
    label: fc.constantFrom("Apple", "apple 2", "Banana", "Cherry"),
    images: fc.integer({ min: 1, max: 4 }),
  }),
  { minLength: 1, selector: ({ split, label }) => `${split}/${label}` },
);
const requests = fc.record({
  layout: fc.constant(null),
  splits: fc.constantFrom(null, ["Test"]),
  defaultSplit: fc.constantFrom(null, "Training"),
  selectionRule: fc.record({
    labelPrefix: fc.constantFrom(null, "Apple"),
    label: fc.constant(null),
    limit: fc.constantFrom(null, 1, 3, 1000),
  }),
});

test("a pack has the counts that a listing of its tree has", async () => {
  await fc.assert(
    fc.asyncProperty(groups, requests, async (made, request) => {
      const s3 = new S3Double();
      for (const { split, label, images } of made)
        for (let n = 0; n < images; n += 1) s3.write(`data/raw/${split}/${label}/${n}.jpg`, "xx");
      const pack: Pack = {
        version: 1,
        layout: "split/label",
        groups: made.map((group) => ({ ...group, bytes: 2 * group.images, fingerprint: "0" })),
        leftOut: [],
        shards: [],
      };
      const selector = new Selector(tree, request.selectionRule.limit);
      const listing = await listImages(s3.client, tree, request, (image) => selector.add(image));

      const found = selectFromPack(pack, tree, request);

      const { splits, usedSplits, labels, selectedLabels, rules } = listing;
      expect(found.listing).toMatchObject({ usedSplits, labels, selectedLabels, rules });
      expect(found.listing.splits).toEqual([...splits].sort());
      expect(found.selected.counts).toEqual(selector.select(listing).counts);
    }),
    { numRuns: 50 },
  );
});

test.each(examples.selections)("a selection has the fingerprint that the Inventory step computes: %j", (example) => {
  const { splits, labelPrefix, limit, fingerprint } = example;
  const pack: Pack = { version: 1, layout: "split/label", groups: examples.groups, leftOut: [], shards: [] };
  const request = { layout: null, splits, defaultSplit: null, selectionRule: { labelPrefix, label: null, limit } };

  expect(selectFromPack(pack, examples.tree, request).selected.fingerprint).toBe(fingerprint);
});

test("equal images at another place, and another number of them, have other fingerprints", () => {
  const fingerprints = [fingerprintPacked(tree, examples.groups, null), fingerprintPacked(tree, examples.groups, 5)];

  expect(new Set([...fingerprints, fingerprintPacked("s3://bucket/other/", examples.groups, null)]).size).toBe(3);
});

test("a tree without a manifest is no pack, and one of another version is refused", async () => {
  const s3 = new S3Double();
  expect(await findPack(s3.client, tree)).toBeUndefined();

  s3.writeJson("data/raw/pack.json", { version: 2, layout: "label", groups: [], leftOut: [], shards: [] });
  await expect(findPack(s3.client, tree)).rejects.toThrow(
    "version: is not 1, the only version that this stack reads. Pack again, or deploy again",
  );
});
