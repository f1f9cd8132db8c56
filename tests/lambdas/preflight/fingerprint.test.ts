import fc from "fast-check";
import { expect, test } from "vitest";
import { Fingerprint } from "../../../lambdas/preflight/fingerprint.ts";
import examples from "../../fingerprints.json" with { type: "json" };

function fingerprintOf(images: readonly (readonly string[])[]): string {
  const fingerprint = new Fingerprint();
  for (const [path = "", etag = ""] of images) fingerprint.add(path, etag);
  return fingerprint.digits;
}

test.each(examples)("is the sum of the lines' sha256, as in Python: %j", ({ images, fingerprint }) => {
  expect(fingerprintOf(images)).toBe(fingerprint);
});

test("does not depend on the order of the images, but on each path and etag", () => {
  const images = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), fc.string()), { minLength: 1 });
  fc.assert(
    fc.property(images, (given) => {
      expect(fingerprintOf(given.toReversed())).toBe(fingerprintOf(given));
      expect(fingerprintOf(given.slice(1))).not.toBe(fingerprintOf(given));
      const changed = given.map(([path, etag], index) => [path, index === 0 ? `${etag}x` : etag]);
      expect(fingerprintOf(changed)).not.toBe(fingerprintOf(given));
    }),
  );
});
