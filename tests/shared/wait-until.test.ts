import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { waitUntil } from "../../shared/wait-until.ts";

describe("waitUntil", () => {
  it("calls the condition until it is true, and leaves no listener on the signal", async () => {
    const { signal } = new AbortController();
    let calls = 0;
    const isDone = (): boolean => {
      calls += 1;
      return calls === 5;
    };

    expect(await waitUntil(isDone, { everyMs: 1, signal })).toBe(true);

    expect(calls).toBe(5);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("returns false when the time is over", async () => {
    expect(await waitUntil(() => false, { everyMs: 1, timeoutMs: 3 })).toBe(false);
  });

  it("does not call the condition again after the signal has aborted", async () => {
    const controller = new AbortController();
    let calls = 0;
    const waiting = waitUntil(
      () => {
        calls += 1;
        controller.abort(new Error("interrupted"));
        return false;
      },
      { everyMs: 1, signal: controller.signal },
    );

    await expect(waiting).rejects.toThrow();
    expect(calls).toBe(1);
  });

  it("does not call the condition when the signal has aborted before", async () => {
    const isDone = (): boolean => expect.unreachable();

    await expect(waitUntil(isDone, { signal: AbortSignal.abort(new Error("interrupted")) })).rejects.toThrow(
      "interrupted",
    );
  });
});
