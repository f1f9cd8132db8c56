import { useEffect, useState } from "preact/hooks";
import { type Answer, Refusal, read } from "./account-client.ts";

const pollMs = 1_000;

/** Whether the account answers, and whether it accepts the key. */
export type Connection = "open" | "lost" | "refused";

let connection: Connection = "open";
const listeners = new Set<(state: Connection) => void>();

function setConnection(state: Connection): void {
  if (state === connection) return;
  connection = state;
  for (const listener of listeners) listener(state);
}

export function useConnection(): Connection {
  const [state, setState] = useState(connection);
  useEffect(() => {
    setState(connection);
    listeners.add(setState);
    return () => {
      listeners.delete(setState);
    };
  }, []);
  return state;
}

export interface Resource<T> {
  readonly data: T | undefined;
  /** The account's refusal, such as an execution that does not exist. */
  readonly refusal: string | undefined;
}

/**
 * Reads data of the account, again and again as long as the page is visible. What it has read stays while the account
 * is not reachable.
 *
 * @param path undefined reads nothing
 */
export function useResource<T>(path: string | undefined): Resource<T> {
  const [state, setState] = useState<Resource<T> & { readonly path: string | undefined }>(nothing(path));
  useEffect(() => {
    if (path === undefined) return;
    const stopping = new AbortController();
    void poll<T>(path, stopping.signal, (part) => setState({ ...nothing(path), ...part }));
    return () => stopping.abort();
  }, [path]);
  return state.path === path ? state : nothing(path);
}

function nothing(path: string | undefined) {
  return { path, data: undefined, refusal: undefined };
}

async function poll<T>(path: string, signal: AbortSignal, update: (part: Partial<Resource<T>>) => void): Promise<void> {
  let tag: string | null = null;
  while (!signal.aborted) {
    try {
      const answer: Answer<T> = await read<T>(path, tag, signal);
      setConnection("open");
      if (answer.data !== undefined) update({ data: answer.data });
      tag = answer.tag;
    } catch (error) {
      if (signal.aborted) return;
      tag = null;
      if (!(error instanceof Refusal)) setConnection("lost");
      else if (error.status === 403) setConnection("refused");
      // The account answers with 503 while it starts.
      else if (error.status >= 500) setConnection("lost");
      else {
        setConnection("open");
        update({ refusal: error.message });
      }
    }
    await pause(signal);
  }
}

/** Waits for the next poll; a hidden page waits until it is visible again. */
async function pause(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  setTimeout(resolve, pollMs);
  await promise;
  if (!document.hidden || signal.aborted) return;
  const shown = Promise.withResolvers<void>();
  const options = { once: true, signal };
  document.addEventListener("visibilitychange", () => shown.resolve(), options);
  signal.addEventListener("abort", () => shown.resolve(), { once: true });
  await shown.promise;
}
