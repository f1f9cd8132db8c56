import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";

/** Where the account finds its tools and keeps its state, and how its parts reach each other. */
export interface AccountContext {
  /** The gateway, e.g. http://127.0.0.1:4566 */
  readonly endpoint: string;
  /** MiniStack behind the gateway; Spark's S3 traffic goes straight to it. */
  readonly ministack: string;
  readonly directory: string;
  /** The project's `.orchard`: `python/` and `jars/`. */
  readonly tools: string;
  readonly region: string;
  readonly accountId: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly log: (line: string) => void;
}

export interface Supervised {
  readonly process: ChildProcess;
  /** The command's exit code; 128 + n when a signal n ended it. */
  readonly ended: Promise<number>;
  /** Ends the command with all its descendants: SIGTERM, then SIGKILL after the grace period. */
  stop(): Promise<number>;
}

interface SuperviseOptions {
  readonly tools: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Files for the command's output; pipes when absent. */
  readonly stdout?: number;
  readonly stderr?: number;
  /** Given to the command on its standard input, which then stays open; else the command reads nothing. */
  readonly input?: string;
  readonly graceSeconds?: number;
  /** Stops the command when it fires. */
  readonly signal?: AbortSignal;
}

/**
 * Starts a command that cannot outlive this process: `supervise.py` ends it when our end of its standard input closes,
 * which also a SIGKILL of this process does. What outlives `supervise.py` is ended by another one.
 * Nothing of our own environment reaches the command.
 */
export function supervise(command: readonly string[], options: SuperviseOptions): Supervised {
  const python = join(options.tools, "python/bin/python");
  const prefix = ["-IS", join(import.meta.dirname, "supervise.py"), String(options.graceSeconds ?? 2)];
  const supervisor = spawn(python, [...prefix, options.input === undefined ? "null" : "pipe", ...command], {
    cwd: options.cwd,
    env: { ...options.env },
    // A session of its own: Ctrl-C in the terminal is for the account, which then stops its children in order.
    detached: true,
    stdio: ["pipe", options.stdout ?? "pipe", options.stderr ?? "pipe"],
  });
  const ended = new Promise<number>((resolve, reject) => {
    let swept = Promise.resolve();
    supervisor.once("error", reject);
    supervisor.once("exit", (_code, signal) => {
      if (signal !== null) {
        const sweeper = spawn(python, [...prefix, "sweep", String(supervisor.pid)], {
          detached: true,
          stdio: "ignore",
        });
        swept = new Promise((done, failed) => sweeper.once("exit", () => done()).once("error", failed));
      }
    });
    // "close", not "exit": all output has arrived by then.
    supervisor.once("close", (code, signal) => {
      swept.then(() => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])), reject);
    });
  });
  // The supervisor may end before it has read everything; its exit code says so better than EPIPE does.
  supervisor.stdin?.on("error", () => supervisor.stdin?.destroy());
  if (options.input !== undefined) {
    supervisor.stdin?.write(options.input);
  }
  const stop = (): Promise<number> => {
    supervisor.stdin?.destroy();
    return ended;
  };
  if (options.signal?.aborted) {
    supervisor.stdin?.destroy();
  }
  options.signal?.addEventListener("abort", () => supervisor.stdin?.destroy(), { once: true });
  return { process: supervisor, ended, stop };
}
