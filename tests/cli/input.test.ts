import { describe, expect, it } from "vitest";
import { executionInput, newRunId } from "../../cli/input.ts";

describe("executionInput", () => {
  it("is mini with the machine's own defaults when nothing is asked for", () => {
    expect(executionInput({})).toEqual({ mode: "mini" });
  });

  it("passes on what was given, the reduction in one key", () => {
    expect(executionInput({ mode: "single-class", label: "Apple Golden 1", limit: 20, components: 5 })).toEqual({
      mode: "single-class",
      label: "Apple Golden 1",
      limit: 20,
      pca: { components: 5 },
    });
    expect(executionInput({ mode: "full", variance: 0.9 })).toEqual({ mode: "full", pca: { variance: 0.9 } });
  });
});

describe("newRunId", () => {
  it("says when the run began, and is a legal execution name and tag value", () => {
    const now = new Date("2026-11-21T06:45:00.123Z");
    expect(newRunId(now)).toMatch(/^run-20261121-064500-[0-9a-f]{4}$/);
  });
});
