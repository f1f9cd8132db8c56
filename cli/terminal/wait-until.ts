import { setTimeout as sleep } from "node:timers/promises";

interface WaitOptions {
  /** Pause between two calls. @default 50 */
  readonly everyMs?: number;
  /** @default no limit */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Calls `isDone` until it returns true.
 *
 * @returns false when it has not returned true after `timeoutMs`
 * @throws AbortError when the signal aborts during a pause
 */
export async function waitUntil(
  isDone: () => boolean | Promise<boolean>,
  { everyMs = 50, timeoutMs = Number.POSITIVE_INFINITY, signal }: WaitOptions,
): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    if (await isDone()) return true;
    if (Date.now() >= deadline) return false;
    await sleep(everyMs, undefined, { signal });
  }
}
