import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../../cli/toolchain/places.ts";
import { references } from "../../docs/references.ts";
import { executionInputSchema } from "../../lambdas/contract/input.ts";
import { parseInput } from "../../lambdas/preflight/parse-input.ts";

describe("generated documents", () => {
  it.each(Object.entries(references))("%s is current; otherwise run `npm run docs`", (path, render) => {
    expect(readFileSync(join(root, path), "utf8")).toBe(render());
  });
});

describe("docs/input.md", () => {
  const stack = { bucket: "bucket", inputPrefix: "data/raw/", maxCostUsd: 10, maxKeepMinutes: 120 };
  const { shape } = executionInputSchema;
  const withDefault = Object.entries(shape).filter(([, schema]) => schema.meta()?.["default"] !== undefined);
  const nested = [shape.pca, shape.cluster, shape.quality].flatMap((schema) => Object.entries(schema.unwrap().shape));

  it.each([...Object.entries(shape), ...nested])("has only valid examples of %s", (_, schema) => {
    for (const example of schema.meta()?.examples ?? []) {
      expect(schema.safeParse(example)).toMatchObject({ success: true });
    }
  });

  it.each(withDefault.filter(([key]) => key !== "overlap"))(
    "states the default of %s that Preflight uses",
    (key, schema) => {
      expect(parseInput({ mode: "full" }, stack)).toHaveProperty(key, schema.meta()?.["default"]);
    },
  );

  it("states the default error rate that Preflight uses", () => {
    const { maxErrorRate } = shape.quality.unwrap().shape;

    expect(parseInput({ mode: "full" }, stack).quality.maxErrorRate).toBe(maxErrorRate.meta()?.["default"]);
  });

  it("describes every key", () => {
    for (const [key, schema] of [...Object.entries(shape), ...nested]) expect(schema.description, key).toBeTruthy();
  });
});
