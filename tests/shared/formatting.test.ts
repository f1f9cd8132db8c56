import { expect, test } from "vitest";
import { describeTime, percent } from "../../shared/formatting.ts";

test("a time is in minutes and UTC", () => {
  expect(describeTime("2026-01-01T12:30:59Z")).toBe("2026-01-01 12:30 UTC");
});

test.each([
  [0.85, undefined, "85.0 %"],
  [1 / 60, 2, "1.67 %"],
])("the share %d with %s digits is %s", (share, digits, text) => {
  expect(percent(share, digits)).toBe(text);
});
