import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Image, selectEvenly } from "../../../lambdas/preflight/selection.ts";

function image(label: string, file: string, split = "Training"): Image {
  return {
    label,
    path: `${split}/${label}/${file}`,
    bytes: 1,
    etag: file,
  };
}

function digest({ path }: Image): string {
  return createHash("sha256").update(path, "utf8").digest("hex");
}

test("takes images round-robin over the labels, by digest within a label", () => {
  const apple = ["1.jpg", "2.jpg", "3.jpg"].map((file) => image("Apple", file));
  const banana = [image("Banana", "1.jpg")];
  const byDigest = apple.toSorted((a, b) => (digest(a) < digest(b) ? -1 : 1));

  const taken = selectEvenly([...apple, ...banana], 3);

  expect(taken).toEqual([byDigest[0], banana[0], byDigest[1]]);
});

test("labels are in code point order, as Python has it", () => {
  // In UTF-16 the emoji's surrogates would come before the private-use character.
  const last = image("\u{1F34E}", "1.jpg");
  const first = image("\uFF21", "1.jpg");

  expect(selectEvenly([last, first, image("Z", "1.jpg")], 2)).toEqual([image("Z", "1.jpg"), first]);
});

test("is the same whatever the order of the listing, and as even as the labels allow", () => {
  const images = fc.uniqueArray(
    fc.record({ label: fc.constantFrom("a", "b", "ç", "d e"), file: fc.string({ minLength: 1 }) }),
    { selector: ({ label, file }) => `${label}/${file}`, minLength: 1 },
  );
  fc.assert(
    fc.property(images, fc.integer({ min: 1, max: 30 }), fc.infiniteStream(fc.nat()), (given, limit, keys) => {
      const all = given.map(({ label, file }) => image(label, file));
      const shuffled = all
        .map((each) => ({ each, key: keys.next().value ?? 0 }))
        .sort((a, b) => a.key - b.key)
        .map(({ each }) => each);

      const taken = selectEvenly(all, limit);

      expect(taken).toHaveLength(Math.min(limit, all.length));
      expect(new Set(selectEvenly(shuffled, limit))).toEqual(new Set(taken));
      const count = (list: readonly Image[], label: string): number =>
        list.filter((each) => each.label === label).length;
      const most = Math.max(...["a", "b", "ç", "d e"].map((label) => count(taken, label)));
      for (const label of ["a", "b", "ç", "d e"]) {
        // A label has less than its share only because it has no more images.
        if (count(taken, label) < most - 1) expect(count(taken, label)).toBe(count(all, label));
      }
    }),
  );
});
