import type { FunctionProcess } from "./function-process.ts";

/**
 * Our own choice, because Lambda documents no time. A start takes ten times the CPU time of a call, and a run on a busy
 * machine takes minutes.
 */
export const idleSeconds = 300;

/**
 * The processes of all functions. As in Lambda, a process that has answered waits for the next call of its function, unless
 * the function's code or configuration has changed. Unlike in Lambda, it is not frozen meanwhile.
 */
export class FunctionProcesses {
  readonly #alive = new Set<FunctionProcess>();
  /** The waiting processes with what they can run. */
  readonly #idle = new Map<FunctionProcess, { readonly key: string; readonly timer: NodeJS.Timeout }>();

  /** Returns a waiting process, or starts one. @param key equal for processes that can replace each other */
  take(key: string, start: () => FunctionProcess): FunctionProcess {
    // Take the latest one, so that surplus processes reach the end of their time.
    const waiting = [...this.#idle].findLast(([, idle]) => idle.key === key)?.[0];
    if (waiting) {
      clearTimeout(this.#idle.get(waiting)?.timer);
      this.#idle.delete(waiting);
      return waiting;
    }
    const started = start();
    this.#alive.add(started);
    const forget = (): void => {
      clearTimeout(this.#idle.get(started)?.timer);
      this.#idle.delete(started);
      this.#alive.delete(started);
    };
    started.ended.then(forget, forget);
    return started;
  }

  /** Lets a process wait for its next call. */
  keep(key: string, process: FunctionProcess): void {
    const end = (): void => {
      this.#idle.delete(process);
      void process.stop();
    };
    this.#idle.set(process, { key, timer: setTimeout(end, idleSeconds * 1000).unref() });
  }

  /** Ends all processes. */
  async stop(): Promise<void> {
    await Promise.allSettled([...this.#alive].map((process) => process.stop()));
  }
}
