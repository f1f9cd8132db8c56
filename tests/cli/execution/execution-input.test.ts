import { describe, expect, it } from "vitest";
import { executionInput, newRunId, requireLastingAccount } from "../../../cli/execution/execution-input.ts";

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

describe("a kept cluster", () => {
  const keep = executionInput({ keepMinutes: 30 });
  const borrow = executionInput({ clusterId: "j-1", force: true });

  it("is asked for, and named, in the machine's own words", () => {
    expect(keep).toEqual({ mode: "mini", keepMinutes: 30 });
    expect(borrow).toEqual({ mode: "mini", force: true, cluster: { id: "j-1" } });
  });

  it("needs an account that goes on, or one that has gone on", () => {
    expect(() => requireLastingAccount(keep, { keep: false, isRunning: false })).toThrow(/keepMinutes needs --keep/);
    expect(() => requireLastingAccount(borrow, { keep: true, isRunning: false })).toThrow(/There is no cluster j-1/);
    expect(() => requireLastingAccount(keep, { keep: true, isRunning: false })).not.toThrow();
    expect(() => requireLastingAccount(keep, { keep: false, isRunning: true })).not.toThrow();
    expect(() => requireLastingAccount(borrow, { keep: false, isRunning: true })).not.toThrow();
    expect(() => requireLastingAccount(executionInput({}), { keep: false, isRunning: false })).not.toThrow();
  });
});

describe("newRunId", () => {
  it("says when the run began, and is a legal execution name and tag value", () => {
    const now = new Date("2026-11-21T06:45:00.123Z");
    expect(newRunId(now)).toMatch(/^run-20261121-064500-[0-9a-f]{4}$/);
  });
});
