import { sameSignalMs } from "../../shared/os-processes.mjs";

const parentCheckMs = 500;

/** The process of the setup that started this command, if any. Child processes must not inherit the variable. */
const setupPid = Number(process.env["ORCHARD_PARENT_PID"] ?? 0);
delete process.env["ORCHARD_PARENT_PID"];

/** Whether this process only checks the command line for the setup, which then installs the command's parts. */
const onlyChecks = process.env["ORCHARD_ONLY_CHECK"] === "1";

/** Marks the end of a command's checks of its command line. withLifetime calls it. */
export function beginWork(): void {
  if (onlyChecks) process.exit(0);
}

interface Cleanup {
  /** Ends the resource in an orderly way. */
  readonly end: () => Promise<void>;
  /** Ends the resource immediately, at the second Ctrl-C. */
  readonly force?: () => void;
}

interface LifetimeOptions {
  readonly notice?: string | null;
}

function printNotice(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * The resources that a command ends before it exits for any reason. The first SIGINT or SIGTERM ends them in reverse
 * order and exits; the second one forces the exit. The end of the parent process counts as SIGTERM.
 */
export class Lifetime {
  readonly #cleanups: Cleanup[] = [];
  readonly #controller = new AbortController();
  readonly #notice: string | null;
  #signalAt = 0;
  #firstSignal: NodeJS.Signals | undefined;
  #running: Cleanup | undefined;
  #closing: Promise<void> | undefined;

  /** @param notice the answer to the first signal; null if there is nothing to wait for */
  constructor({ notice = "\nStopping: please wait, or press Ctrl-C again to force it." }: LifetimeOptions = {}) {
    this.#notice = notice;
  }

  /** Aborts when the command is interrupted. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Never settles. An interrupted command awaits it until the process exits. */
  readonly exited = new Promise<never>(() => undefined);

  get interrupted(): boolean {
    return this.signal.aborted;
  }

  /** Whether Ctrl-C has interrupted the command. After any other signal, nobody is there to answer a question. */
  get isInterruptedByCtrlC(): boolean {
    return this.#firstSignal === "SIGINT";
  }

  /** Registers a resource. @returns a function that ends it now */
  defer(end: () => Promise<void>, force?: () => void): () => Promise<void> {
    const cleanup: Cleanup = force ? { end, force } : { end };
    this.#cleanups.push(cleanup);
    return async () => {
      if (this.#remove(cleanup)) await end();
    };
  }

  /**
   * Prints a line if the command is interrupted.
   *
   * @param describe returns the line; called at the interruption
   * @returns a function that takes the line back
   */
  announce(describe: () => string): () => void {
    const end = async (): Promise<void> => {
      // A failed command has its own message.
      if (this.interrupted) printNotice(`\n${describe()}`);
    };
    const cleanup: Cleanup = { end };
    this.#cleanups.push(cleanup);
    return () => void this.#remove(cleanup);
  }

  /** Ends all resources, the last registered first. A failure to end one does not prevent the others from ending. */
  async close(): Promise<void> {
    // A signal during the last clean-up waits for that clean-up.
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
        printNotice(`While cleaning up: ${error instanceof Error ? error.message : String(error)}`);
        cleanup.force?.();
      }
    }
    this.#running = undefined;
  }

  watchSignals(): void {
    // The terminal was closed, or a reader such as `head` has exited: end in an orderly way without further output.
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
    this.#firstSignal = signal;
    this.#controller.abort(new Error(`Interrupted by ${signal}`));
    if (this.#notice !== null) printNotice(this.#notice);
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

/** Runs `work` with a lifetime and ends its resources afterwards. An interrupted command exits in the signal handler. */
export async function withLifetime(
  work: (lifetime: Lifetime) => Promise<void>,
  lifetime = new Lifetime(),
): Promise<void> {
  beginWork();
  lifetime.watchSignals();
  try {
    await work(lifetime);
  } catch (error) {
    // Errors after an interruption are its consequences.
    if (!lifetime.interrupted) throw error;
  } finally {
    if (lifetime.interrupted) await lifetime.exited;
    await lifetime.close();
  }
}
