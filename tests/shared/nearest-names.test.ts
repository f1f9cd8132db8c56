import { expect, test } from "vitest";
import { nearestNames } from "../../shared/nearest-names.ts";

test("the nearest names come first, and far ones not at all", () => {
  expect(nearestNames("aple golden", ["Apple Golden 1", "Apple Red", "Banana"])[0]).toBe("Apple Golden 1");
  expect(nearestNames("zzzzzzzz", ["Apple Golden 1", "Banana"])).toEqual([]);
});

test("names that look the same are suggested once", () => {
  expect(nearestNames("Apple Ete", ["Apple Été".normalize("NFC"), "Apple Été".normalize("NFD")])).toHaveLength(1);
});
