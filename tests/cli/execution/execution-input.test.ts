import { describe, expect, it } from "vitest";
import { makeExecutionInput, requireLastingAccount } from "../../../cli/execution/execution-input.ts";
import { newRunId } from "../../../lambdas/contract/run-id.ts";

describe("makeExecutionInput", () => {
  it("asks for mode mini and the defaults of the state machine when no option is given", () => {
    expect(makeExecutionInput({})).toEqual({ mode: "mini" });
  });

  it("passes the given options on, with the options of the PCA under one key", () => {
    expect(
      makeExecutionInput({
        mode: "single-class",
        label: "Apple Golden 1",
        splits: ["train", "val"],
        layout: "split/label",
        limit: 20,
        components: 5,
        precision: "bf16",
      }),
    ).toEqual({
      mode: "single-class",
      label: "Apple Golden 1",
      splits: ["train", "val"],
      layout: "split/label",
      limit: 20,
      pca: { components: 5 },
      precision: "bf16",
    });
    expect(makeExecutionInput({ mode: "full", variance: 0.9 })).toEqual({ mode: "full", pca: { variance: 0.9 } });
  });
});

describe("a kept cluster", () => {
  const keep = makeExecutionInput({ keepMinutes: 30 });
  const reuse = makeExecutionInput({ clusterId: "j-1", force: true });

  it("becomes the keys of the execution input", () => {
    expect(keep).toEqual({ mode: "mini", keepMinutes: 30 });
    expect(reuse).toEqual({ mode: "mini", force: true, cluster: { id: "j-1" } });
  });

  it("needs an account that outlives the command", () => {
    expect(() => requireLastingAccount(keep, { keep: false, isRunning: false })).toThrow(/keepMinutes needs --keep/);
    expect(() => requireLastingAccount(reuse, { keep: true, isRunning: false })).toThrow(/There is no cluster j-1/);
    expect(() => requireLastingAccount(keep, { keep: true, isRunning: false })).not.toThrow();
    expect(() => requireLastingAccount(keep, { keep: false, isRunning: true })).not.toThrow();
    expect(() => requireLastingAccount(reuse, { keep: false, isRunning: true })).not.toThrow();
    expect(() => requireLastingAccount(makeExecutionInput({}), { keep: false, isRunning: false })).not.toThrow();
  });
});

describe("newRunId", () => {
  it("contains the start time, and is a valid execution name and tag value", () => {
    const now = new Date("2026-11-21T06:45:00.123Z");
    expect(newRunId(now)).toMatch(/^run-20261121-064500-[0-9a-f]{4}$/);
  });
});
