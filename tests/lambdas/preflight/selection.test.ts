import fc from "fast-check";
import { expect, test } from "vitest";
import { sha256 } from "../../../lambdas/aws/s3.ts";
import { Fingerprint } from "../../../lambdas/preflight/fingerprint.ts";
import { type Image, type Selected, Selector, selectEvenly } from "../../../lambdas/preflight/selection.ts";

const tree = "s3://bucket/data/raw/";
const all = { unlisted: 0, selectedLabels: 0 };

function image(label: string, file: string, split = "Training"): Image {
  return { label, path: `${split}/${label}/${file}`, bytes: 10, etag: file };
}

function digest({ path }: Image): string {
  return sha256(path);
}

function select(images: readonly Image[], limit: number | null, listed = all): Selected {
  const selector = new Selector(tree, limit);
  for (const each of images) selector.add(each);
  return selector.select(listed);
}

function fingerprintOf(images: readonly Image[]): string {
  const fingerprint = new Fingerprint();
  for (const { path, etag } of images) fingerprint.add(`${tree}${path}`, etag);
  return fingerprint.digits;
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

const imageLists = fc
  .uniqueArray(fc.record({ label: fc.constantFrom("a", "b", "ç", "d e"), file: fc.string({ minLength: 1 }) }), {
    selector: ({ label, file }) => `${label}/${file}`,
    minLength: 1,
  })
  .map((given) => given.map(({ label, file }) => image(label, file)));

test("is the same whatever the order of the listing, and as even as the labels allow", () => {
  fc.assert(
    fc.property(imageLists, fc.integer({ min: 1, max: 30 }), fc.infiniteStream(fc.nat()), (images, limit, keys) => {
      const shuffled = images
        .map((each) => ({ each, key: keys.next().value ?? 0 }))
        .sort((a, b) => a.key - b.key)
        .map(({ each }) => each);

      const taken = selectEvenly(images, limit);

      expect(taken).toHaveLength(Math.min(limit, images.length));
      expect(new Set(selectEvenly(shuffled, limit))).toEqual(new Set(taken));
      const count = (list: readonly Image[], label: string): number =>
        list.filter((each) => each.label === label).length;
      const most = Math.max(...["a", "b", "ç", "d e"].map((label) => count(taken, label)));
      for (const label of ["a", "b", "ç", "d e"]) {
        // A label has less than its share only because it has no more images.
        if (count(taken, label) < most - 1) expect(count(taken, label)).toBe(count(images, label));
      }
    }),
  );
});

test("images that are dropped on the way are not those that a limit selects", () => {
  // Far more images than a selector keeps, of labels that come one after the other.
  const images = ["a", "b", "ç"].flatMap((label, index) =>
    Array.from({ length: 2_000 * index + 7 }, (_, number) => image(label, `${number}.jpg`)),
  );

  for (const limit of [2, 50, 3_000]) {
    const { counts, fingerprint } = select(images, limit);
    const expected = selectEvenly(images, limit);
    expect(counts).toEqual({ images: limit, labels: Math.min(limit, 3), bytes: 10 * limit });
    expect(fingerprint).toBe(fingerprintOf(expected));
  }
});

test("without a limit, or with a larger one, all images are selected", () => {
  const images = [image("a", "1.jpg"), { ...image("b", "2.jpg"), isArchived: true }];

  for (const limit of [null, 2, 1_000_000]) {
    expect(select(images, limit)).toEqual({
      counts: { images: 2, labels: 2, bytes: 20 },
      fingerprint: fingerprintOf(images),
      sample: { images: images.map(({ path, etag }) => ({ path: `${tree}${path}`, etag })), buckets: 256 },
      archived: 1,
    });
  }
});

test.each([
  [null, 100],
  [50, 50],
  [200, 100],
])("with images that were not listed, the selection of a limit of %s is an estimate", (limit, images) => {
  const { counts, fingerprint } = select([image("a", "1.jpg"), image("b", "1.jpg")], limit, {
    unlisted: 98,
    selectedLabels: 3,
  });

  expect(counts).toEqual({ images, labels: 3, bytes: 10 * images, estimated: true });
  expect(fingerprint).toBeNull();
});

test("a limit whose images would not fit into memory is an estimate", () => {
  const selector = new Selector(tree, 200_001);
  for (let number = 0; number < 200_002; number += 1) selector.add(image("a", `${number}.jpg`));

  expect(selector.select({ unlisted: 0, selectedLabels: 1 }).counts).toEqual({
    images: 200_001,
    labels: 1,
    bytes: 2_000_010,
    estimated: true,
  });
});
