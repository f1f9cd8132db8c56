import { describe, expect, it } from "vitest";
import { boundsOf, defaultOf, problemIn, readObject, setKey } from "../../../pages/console/input-form.ts";

describe("problemIn", () => {
  it("has none for an input that the workflow takes", () => {
    expect(problemIn('{"mode":"mini","keepMinutes":60}')).toBeUndefined();
  });

  it("names every problem in the workflow's words", () => {
    const problem = problemIn('{"mode":"appels","limit":1}');

    expect(problem).toContain("The input is refused, 2 problems:");
    expect(problem).toContain('Did you mean "apples"?');
    expect(problem).toContain("limit: Too small");
  });

  it.each(["", "{", "{'mode': 'mini'}"])("says that %j is no JSON", (text) => {
    expect(problemIn(text)).toMatch(/^The input is no JSON: /);
  });
});

describe("readObject", () => {
  it.each(["[]", "null", "1", '"x"', "{"])("has no form for %s", (text) => {
    expect(readObject(text)).toBeUndefined();
  });
});

describe("setKey", () => {
  it("keeps the order of the keys, and those that the form does not know", () => {
    const input = { mode: "mini", unknown: 1, limit: 5 };

    expect(JSON.stringify(setKey(input, "mode", "full"))).toBe('{"mode":"full","unknown":1,"limit":5}');
  });

  it.each([undefined, {}])("leaves a key out whose value is %j", (value) => {
    expect(setKey({ mode: "mini", pca: { components: 2 } }, "pca", value)).toEqual({ mode: "mini" });
  });
});

describe("the help of a field", () => {
  it("names bounds and defaults", () => {
    expect(boundsOf({ type: "integer", minimum: 2, maximum: 100_000_000 })).toBe("A whole number, 2 to 100,000,000.");
    expect(boundsOf({ type: "number", exclusiveMinimum: 0, maximum: 1 })).toBe("A number, more than 0 to 1.");
    expect(boundsOf({ type: "string" })).toBe("");
    expect(defaultOf({ default: ["parquet", "csv"] })).toBe("parquet, csv");
    expect(defaultOf({ default: false })).toBe("false");
    expect(defaultOf({ defaultText: "the stack's", default: 1 })).toBe("the stack's");
  });
});
