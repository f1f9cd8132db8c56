// Stands for shared/wait-until.ts: vi.mock("…/shared/wait-until.ts", () => import("…/doubles/polls.ts"))
import { vi } from "vitest";

/** Set by a test to let time pass for its doubles. */
export const polling = { afterPoll: (): void => undefined };

/** Polls without pauses, ten times at most. */
export const waitUntil = vi.fn(async (isDone: () => boolean | Promise<boolean>): Promise<boolean> => {
  for (let polls = 0; polls < 10; polls += 1) {
    if (await isDone()) return true;
    polling.afterPoll();
  }
  return false;
});
