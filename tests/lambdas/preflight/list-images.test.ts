import { ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isFolderMarker, type Layout, layouts } from "../../../lambdas/contract/image-tree.ts";
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

/** An S3 client whose bucket has these objects, listed url-encoded as S3 does. */
function s3With(objects: ReadonlyMap<string, number>): S3Client {
  const encode = (key: string): string => encodeURIComponent(key).replaceAll("%2F", "/").replaceAll("%20", "+");
  const send = async (command: unknown): Promise<unknown> => {
    if (!(command instanceof ListObjectsV2Command)) throw new Error("Only listings are expected");
    const { Prefix = "", Delimiter, EncodingType } = command.input;
    const below = [...objects].filter(([key]) => key.startsWith(Prefix));
    const folderOf = (key: string): string | undefined => {
      const end = Delimiter === undefined ? -1 : key.indexOf(Delimiter, Prefix.length);
      return end < 0 ? undefined : key.slice(0, end + 1);
    };
    const folders = new Set(below.flatMap(([key]) => folderOf(key) ?? []));
    return {
      EncodingType,
      CommonPrefixes: [...folders].map((folder) => ({ Prefix: encode(folder) })),
      Contents: below
        .filter(([key]) => folderOf(key) === undefined)
        .map(([key, Size]) => ({ Key: encode(key), Size, ETag: '"x"' })),
    };
  };
  return Object.assign(new S3Client({ region: "eu-west-1" }), { send });
}

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
      const s3 = s3With(new Map(files.map(({ key, bytes }) => [`data/raw/${key}`, bytes])));

      const listing = await listImages(s3, "s3://bucket/data/raw/", {
        layout: given,
        splits: null,
        defaultSplit: null,
        selectionRule,
      });

      const expected = files.filter((file) => !isFolderMarker(file));
      const leftOut = listing.leftOut.reduce((sum, { count }) => sum + count, 0);
      expect(paths(listing).length + leftOut).toBe(expected.length);
      expect(new Set(paths(listing)).size).toBe(listing.images.length);
      const keys = new Set(expected.map(({ key }) => key));
      expect(paths(listing).filter((path) => !keys.has(path))).toEqual([]);
    }),
  );
});
