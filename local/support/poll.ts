import { setTimeout as sleep } from "node:timers/promises";

interface PollOptions {
  /** @default 100 */
  readonly intervalMs?: number;
  /** @default no limit */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Reads a value until it satisfies the condition. Returns undefined when the time is over or the signal has aborted. */
export async function pollUntil<T>(
  read: () => T | Promise<T>,
  isDone: (value: Awaited<T>) => boolean,
  { intervalMs = 100, timeoutMs = Infinity, signal }: PollOptions = {},
): Promise<Awaited<T> | undefined> {
  const deadline = Date.now() + timeoutMs;
  while (signal?.aborted !== true) {
    const value = await read();
    if (isDone(value)) {
      return value;
    }
    if (Date.now() >= deadline) {
      return undefined;
    }
    await sleep(intervalMs);
  }
  return undefined;
}
