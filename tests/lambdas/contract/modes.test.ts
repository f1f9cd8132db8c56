import { expect, test } from "vitest";
import { type Mode, selectsLabel } from "../../../lambdas/contract/modes.ts";
import { parseInput } from "../../../lambdas/preflight/parse-input.ts";

const defaults = { bucket: "data", inputPrefix: "data/raw/", maxCostUsd: 20, maxKeepMinutes: 120 };

test.each<[Mode, object, string[]]>([
  ["full", {}, ["Apple 1", "apple", "Banana"]],
  ["inventory", {}, ["Apple 1", "apple", "Banana"]],
  ["apples", {}, ["Apple 1", "apple"]],
  ["mini", {}, ["Apple 1", "apple"]],
  ["single-class", { label: "Banana" }, ["Banana"]],
])("mode %s %j selects its labels", (mode, more, selected) => {
  const { selectionRule } = parseInput({ mode, ...more }, defaults);

  expect(["Apple 1", "apple", "Banana"].filter((name) => selectsLabel(selectionRule, name))).toEqual(selected);
});

test("a label is selected in any Unicode normalization form", () => {
  const { selectionRule } = parseInput({ mode: "single-class", label: "Apple Été" }, defaults);

  expect(selectsLabel(selectionRule, "Apple Été".normalize("NFD"))).toBe(true);
  expect(selectsLabel(selectionRule, "Apple Ete")).toBe(false);
});
