import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import {
  describeLeftOut,
  imageEndings,
  isFolderMarker,
  isVisibleFolder,
  type Layout,
  layouts,
  quoteName,
  reasonToLeaveOut,
  summarizeLeftOut,
  treeRules,
} from "../../../lambdas/contract/image-tree.ts";
import { inputTrees } from "../../input-trees.ts";
import { reasonsInPython } from "../../reasons-in-python.ts";

describe.each(inputTrees)("$name", ({ layout, images, leftOut, folderMarkers }) => {
  const rules = treeRules(layout);

  it("has its images, and a reason for each other file", () => {
    expect(images.map((key) => reasonToLeaveOut(rules, key))).toEqual(images.map(() => undefined));
    for (const [reason, keys] of Object.entries(leftOut))
      expect(keys.map((key) => reasonToLeaveOut(rules, key))).toEqual(keys.map(() => reason));
    expect(folderMarkers.filter((key) => !isFolderMarker({ key, bytes: 0 }))).toEqual([]);
  });
});

/** Names that the rules treat in different ways, and any other text. */
const aName = fc.oneof(
  fc.constantFrom(
    "",
    ".",
    "..",
    "._a.jpg",
    ".x",
    "__MACOSX",
    "@eaDir",
    "Apple",
    "été",
    "a\r",
    "b\n",
    " ",
    "=1",
    "\udcea",
  ),
  fc.string({ unit: "binary", maxLength: 6 }),
  fc
    .tuple(fc.string({ unit: "grapheme", maxLength: 3 }), fc.constantFrom(...imageEndings, ".txt", ""), fc.boolean())
    .map(([name, ending, isUpper]) => name + (isUpper ? ending.toUpperCase() : ending)),
);
const aKey = fc.array(aName, { minLength: 1, maxLength: 5 }).map((names) => names.join("/"));

test("a file that is an image lies in visible folders at the layout's depth, and its folders' other images are images too", () => {
  fc.assert(
    fc.property(aKey, fc.constantFrom<Layout>(...layouts), (key, layout) => {
      const rules = treeRules(layout);
      const folder = key.split("/").slice(0, -1).join("/");
      const isImage = reasonToLeaveOut(rules, key) === undefined;
      if (isImage) {
        expect(isVisibleFolder(rules, folder)).toBe(true);
        expect(reasonToLeaveOut(rules, `${folder}/another.PNG`)).toBeUndefined();
        expect(reasonToLeaveOut(rules, `${folder}/._${key.split("/").at(-1)}`)).toBe("hidden");
      }
    }),
  );
});

test("Python gives the same reason for any key", async () => {
  const cases = fc.sample(fc.tuple(aKey, fc.constantFrom<Layout>(...layouts)), 2_000);
  const inTable = inputTrees.flatMap(({ layout, images, leftOut }) =>
    [...images, ...Object.values(leftOut).flat()].map((key): [string, Layout] => [key, layout]),
  );
  const all = [...inTable, ...cases];

  const theirs = await reasonsInPython(all);

  const ours = all.map(([key, layout]) => reasonToLeaveOut(treeRules(layout), key) ?? null);
  expect(theirs).toEqual(ours);
  expect(new Set(ours)).toEqual(new Set([null, "not-utf8", "empty-name", "hidden", "ending", "shallow", "deep"]));
});

test("left-out files are counted once, with three examples in the order of their bytes, cut to a bounded length", () => {
  const file = (key: string) => ({ key, reason: "hidden" as const });

  const [hidden, ...others] = summarizeLeftOut([".d", ".a", ".c", ".b"].map(file));

  expect(others).toEqual([]);
  expect(hidden).toEqual({ reason: "hidden", count: 4, examples: [".a", ".b", ".c"] });
  expect(hidden && describeLeftOut(hidden)).toMatch(/^Left out: 4 files, hidden.*: "\.a", "\.b", "\.c", …$/);
  expect(summarizeLeftOut([file(".".repeat(5_000))])[0]?.examples[0]).toHaveLength(200);
});

test("control characters and bytes that are not UTF-8 show in a quoted name", () => {
  expect(quoteName("cr\r\n p\udceache")).toBe('"cr\\r\\n p\\xeache"');
});
