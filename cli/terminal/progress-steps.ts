import { setTimeout as sleep } from "node:timers/promises";
import { Listr, ListrLogger, ProcessOutput } from "listr2";
import { isTerminal } from "./confirm.ts";
import type { Lifetime } from "./lifetime.ts";

/** Reports the progress of a step. */
export interface Reporter {
  /** Shows the current activity; on a terminal, the next call replaces it. */
  readonly status: (line: string) => void;
  /** Prints a permanent line. */
  readonly line: (line: string) => void;
  /** Replaces the step's title. */
  readonly title: (text: string) => void;
}

export interface Step {
  readonly title: string;
  readonly run: (reporter: Reporter) => Promise<void>;
}

/** Minimum time between two status lines without a terminal. */
const statusIntervalMs = 10_000;
/** Minimum time between two changes of a live line. */
const liveIntervalMs = 100;
/** Time for the steps to end after an interruption, before others may write over the list. */
const endMs = 1_000;

/** Calls `show` with the latest text, but not more often than a person can read it. */
class LatestText {
  readonly #show: (text: string) => void;
  #timer: NodeJS.Timeout | undefined;
  #next: string | undefined;

  constructor(show: (text: string) => void) {
    this.#show = show;
  }

  set(text: string): void {
    this.#next = text;
    if (this.#timer) return;
    this.#showNext();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#showNext();
    }, liveIntervalMs).unref();
  }

  /** Drops a text that is not shown yet. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#next = undefined;
  }

  #showNext(): void {
    if (this.#next !== undefined) this.#show(this.#next);
    this.#next = undefined;
  }
}

class TaskReporter implements Reporter {
  readonly #live: LatestText;
  readonly #isLive: boolean;
  readonly #task: Pick<Reporter, "title" | "line">;
  #shownAt = 0;

  constructor(title: string, isLive: boolean, task: Pick<Reporter, "title" | "line">) {
    this.#live = new LatestText((line) => task.title(`${title}: ${line}`));
    this.#isLive = isLive;
    this.#task = task;
  }

  readonly status = (line: string): void => {
    if (this.#isLive) this.#live.set(line);
    else if (Date.now() - this.#shownAt >= statusIntervalMs) {
      this.#shownAt = Date.now();
      this.#task.line(line);
    }
  };

  readonly line = (line: string): void => this.#task.line(line);

  readonly title = (text: string): void => {
    this.#live.clear();
    this.#task.title(text);
  };

  end(): void {
    this.#live.clear();
  }
}

/**
 * Runs steps one after the other. They are shown on standard error, live on a terminal and as plain lines elsewhere, so
 * that standard output has the result alone.
 *
 * @param quiet shows nothing
 */
export async function runSteps(lifetime: Lifetime, steps: readonly Step[], quiet: boolean): Promise<void> {
  const isLive = isTerminal(process.stderr) && !quiet;
  let failure: unknown;
  const logger = new ListrLogger({ processOutput: new ProcessOutput(process.stderr, process.stderr) });
  const list = new Listr(
    steps.map(({ title, run }) => ({
      title,
      task: async (_: unknown, task) => {
        lifetime.signal.throwIfAborted();
        const reporter = new TaskReporter(title, isLive, {
          title: (text) => {
            task.title = text;
          },
          line: (text) => {
            task.output = text;
          },
        });
        try {
          await run(reporter);
        } catch (error) {
          failure = error;
          // The list only marks the step as failed; the command prints the error itself.
          throw new Error("see below", { cause: error });
        } finally {
          reporter.end();
        }
      },
      rendererOptions: { persistentOutput: true, outputBar: Number.POSITIVE_INFINITY },
    })),
    {
      renderer: quiet ? "silent" : "default",
      fallbackRenderer: "simple",
      fallbackRendererCondition: !isLive && !quiet,
      registerSignalListeners: false,
      rendererOptions: { collapseErrors: false, showErrorMessage: false, logger },
      fallbackRendererOptions: { logger },
    },
  );
  let hasEnded = false;
  const running = list.run().finally(() => {
    hasEnded = true;
  });
  // A live list holds back all other output until it ends. Release that output before an interruption ends the process.
  const end = lifetime.defer(async () => {
    await Promise.race([Promise.allSettled([running]), sleep(endMs, undefined, { ref: false })]);
    if (isLive && !hasEnded) logger.process.release();
  });
  try {
    await running;
  } catch (error) {
    throw failure ?? error;
  } finally {
    await end();
  }
}
