import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";

export interface Supervised {
  readonly process: ChildProcess;
  /** The command's exit code; 128 + n when signal n ended it. */
  readonly ended: Promise<number>;
  /** Ends the command and all its descendants: SIGTERM, then SIGKILL after the grace period. */
  stop(): Promise<number>;
}

interface SuperviseOptions {
  /** The folder that has `python/`. */
  readonly tools: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** File descriptors for the command's output. @default pipes */
  readonly stdout?: number;
  readonly stderr?: number;
  /** Written to the command's standard input, which then stays open. @default the command reads nothing */
  readonly input?: string;
  /** Whether the command also gets a file descriptor 3, which is `process.stdio[3]` here. It then needs an `input`. */
  readonly hasAnswers?: boolean;
  /** @default 2 */
  readonly graceSeconds?: number;
  /** Stops the command when it aborts. */
  readonly signal?: AbortSignal;
}

/**
 * Starts a command that cannot outlive this process: `supervise.py` ends it when its standard input closes, which
 * happens even when this process is killed. The command inherits no environment variables.
 */
export function supervise(command: readonly string[], options: SuperviseOptions): Supervised {
  const python = join(options.tools, "python/bin/python");
  const prefix = ["-IS", join(import.meta.dirname, "supervise.py"), String(options.graceSeconds ?? 2)];
  const mode = options.input === undefined ? "null" : options.hasAnswers ? "answers" : "pipe";
  const supervisor = spawn(python, [...prefix, mode, ...command], {
    cwd: options.cwd,
    env: { ...options.env },
    // In its own session the command does not get the terminal's Ctrl-C: the account stops its children in order.
    detached: true,
    stdio: ["pipe", options.stdout ?? "pipe", options.stderr ?? "pipe", mode === "answers" ? "pipe" : "ignore"],
  });
  const sweep = () =>
    spawn(python, [...prefix, "sweep", String(supervisor.pid)], { detached: true, stdio: "ignore", env: {} });
  const ended = exitCodeOf(supervisor, sweep);
  // A supervisor that ends before it has read its input causes EPIPE; its exit code explains the end better.
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

/** @param sweep starts a process that ends the session of a supervisor that was killed by a signal */
function exitCodeOf(supervisor: ChildProcess, sweep: () => ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let swept = Promise.resolve();
    supervisor.once("error", reject);
    supervisor.once("exit", (_code, signal) => {
      if (signal !== null) {
        const sweeper = sweep();
        swept = new Promise((done, failed) => sweeper.once("exit", () => done()).once("error", failed));
      }
    });
    // "close" comes after "exit", when all output has arrived.
    supervisor.once("close", (code, signal) => {
      swept.then(() => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])), reject);
    });
  });
}
