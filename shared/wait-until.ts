import { setTimeout as sleep } from "node:timers/promises";

interface WaitOptions {
  /** Pause between two calls. @default 50 */
  readonly everyMs?: number;
  /** @default no limit */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Calls `isDone` until it returns true. The library p-wait-for 6.0.0 would leave one listener per pause on the signal,
 * and signals live as long as a command or an execution.
 *
 * @returns false when `isDone` has not returned true after `timeoutMs`
 * @throws the signal's reason, or AbortError when the signal aborts during a pause
 */
export async function waitUntil(
  isDone: () => boolean | Promise<boolean>,
  { everyMs = 50, timeoutMs = Number.POSITIVE_INFINITY, signal }: WaitOptions,
): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    if (await isDone()) return true;
    if (Date.now() >= deadline) return false;
    await sleep(everyMs, undefined, { signal });
  }
}
