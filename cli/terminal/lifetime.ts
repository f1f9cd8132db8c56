import { setTimeout as sleep } from "node:timers/promises";

/** The terminal and npm both pass one Ctrl-C on; what comes within this time is the same one. */
const sameSignalMs = 1_000;
const parentCheckMs = 500;

/** The setup that started us, if it did. It is ours alone: what we start has us for a parent. */
const setupPid = Number(process.env["ORCHARD_PARENT_PID"] ?? 0);
delete process.env["ORCHARD_PARENT_PID"];

interface Cleanup {
  /** Ends it in order. */
  readonly end: () => Promise<void>;
  /** Ends it at once, when the second Ctrl-C comes. */
  readonly force?: () => void;
}

/**
 * What a command has to end before it leaves, whichever way it leaves. The first SIGINT or SIGTERM ends everything in
 * reverse order and exits; the second one forces. The death of the process that started us counts as SIGTERM.
 */
export class Lifetime {
  readonly #cleanups: Cleanup[] = [];
  readonly #controller = new AbortController();
  readonly #say: (line: string) => void;
  #signalAt = 0;
  #running: Cleanup | undefined;
  #closing: Promise<void> | undefined;

  constructor(say: (line: string) => void = (line) => process.stderr.write(`${line}\n`)) {
    this.#say = say;
  }

  /** Aborts when the command is to end early. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Never settles: the process leaves first, when an interruption has ended everything. */
  readonly left = new Promise<never>(() => undefined);

  get interrupted(): boolean {
    return this.signal.aborted;
  }

  /** Registers what has to be ended; returns a function that ends it now. */
  defer(end: () => Promise<void>, force?: () => void): () => Promise<void> {
    const cleanup: Cleanup = force ? { end, force } : { end };
    this.#cleanups.push(cleanup);
    return async () => {
      if (this.#remove(cleanup)) await end();
    };
  }

  /** Ends everything, the last registered first. One that fails does not keep the others from ending. */
  async close(): Promise<void> {
    // A signal that comes during the last clean-up waits for that one.
    this.#closing ??= this.#endAll();
    await this.#closing;
    this.#closing = undefined;
  }

  async #endAll(): Promise<void> {
    for (let cleanup = this.#cleanups.pop(); cleanup; cleanup = this.#cleanups.pop()) {
      this.#running = cleanup;
      try {
        await cleanup.end();
      } catch (error) {
        this.#say(`While cleaning up: ${error instanceof Error ? error.message : String(error)}`);
        cleanup.force?.();
      }
    }
    this.#running = undefined;
  }

  watchSignals(): void {
    // A terminal that was closed, or a reader such as `head` that had enough: end in order, there is nobody to tell.
    for (const stream of [process.stdout, process.stderr]) {
      stream.on("error", () => {
        if (!this.interrupted) this.#interrupt("SIGHUP");
      });
    }
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => this.#interrupt(signal));
    if (setupPid > 0) {
      setInterval(() => {
        if (process.ppid !== setupPid && !this.interrupted) this.#interrupt("SIGTERM");
      }, parentCheckMs).unref();
    }
  }

  #interrupt(signal: "SIGINT" | "SIGTERM" | "SIGHUP"): void {
    const sinceFirst = Date.now() - this.#signalAt;
    const exitCode = signal === "SIGINT" ? 130 : 143;
    if (this.interrupted) {
      if (sinceFirst < sameSignalMs) return;
      for (const cleanup of this.#forced()) cleanup.force?.();
      process.exit(exitCode);
    }
    this.#signalAt = Date.now();
    this.#controller.abort(new Error(`Interrupted by ${signal}`));
    this.#say("\nStopping: please wait, or press Ctrl-C again to force it.");
    void this.close().then(() => process.exit(exitCode));
  }

  #forced(): readonly Cleanup[] {
    return [...this.#cleanups, ...(this.#running ? [this.#running] : [])].reverse();
  }

  #remove(cleanup: Cleanup): boolean {
    const index = this.#cleanups.indexOf(cleanup);
    if (index >= 0) this.#cleanups.splice(index, 1);
    return index >= 0;
  }
}

/** Gives `work` a lifetime, and ends what it deferred when it is over. An interrupted command leaves through the signal. */
export async function withLifetime(work: (lifetime: Lifetime) => Promise<void>): Promise<void> {
  const lifetime = new Lifetime();
  lifetime.watchSignals();
  try {
    await work(lifetime);
  } catch (error) {
    // What an interruption broke off has nothing to say.
    if (!lifetime.interrupted) throw error;
  } finally {
    if (lifetime.interrupted) await lifetime.left;
    await lifetime.close();
  }
}

/** Waits until `ended` answers true; false when it has not after `milliseconds`. */
export async function waitUntil(ended: () => boolean | Promise<boolean>, milliseconds: number): Promise<boolean> {
  for (const deadline = Date.now() + milliseconds; Date.now() < deadline; await sleep(50)) {
    if (await ended()) return true;
  }
  return ended();
}

/** Signals a whole process group; one that is gone already is what was wanted. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
