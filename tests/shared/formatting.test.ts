import fc from "fast-check";
import { expect, test } from "vitest";
import { describeTime, formatCount, percent, percentBelow, plural } from "../../shared/formatting.ts";

test("a time is in minutes and UTC", () => {
  expect(describeTime("2026-01-01T12:30:59Z")).toBe("2026-01-01 12:30 UTC");
});

test("a count has its thousands apart", () => {
  expect(formatCount(67_692)).toBe("67,692");
});

test.each([
  [0, "0 images"],
  [1, "1 image"],
  [1.5, "1.5 images"],
  [67_692, "67,692 images"],
])("%d of a noun is written as %s", (count, text) => {
  expect(plural(count, "image")).toBe(text);
});

test.each([
  [0.85, undefined, "85.0 %"],
  [1 / 60, 2, "1.67 %"],
])("the share %d with %s digits is %s", (share, digits, text) => {
  expect(percent(share, digits)).toBe(text);
});

test.each([
  [0.85, "85.0 %"],
  [0.8996, "89.96 %"],
  [0.899999, "89.9999 %"],
])("the share %d below 90 %% looks less than it: %s", (share, text) => {
  expect(percentBelow(share, 0.9)).toBe(text);
});

test("each share below a limit looks less than it", () => {
  const below = fc.tuple(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 12 }));
  fc.assert(
    fc.property(below, ([limit, digits]) => {
      const shown = percentBelow(limit / 100 - 10 ** -digits, limit / 100);
      expect(Number(shown.replace(" %", ""))).toBeLessThan(limit);
    }),
  );
});
