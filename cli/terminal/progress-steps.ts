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
        let shownAt = 0;
        lifetime.signal.throwIfAborted();
        const reporter: Reporter = {
          status: (line) => {
            if (isLive) task.title = `${title}: ${line}`;
            else if (Date.now() - shownAt >= statusIntervalMs) {
              shownAt = Date.now();
              task.output = line;
            }
          },
          line: (line) => {
            task.output = line;
          },
          title: (text) => {
            task.title = text;
          },
        };
        try {
          await run(reporter);
        } catch (error) {
          failure = error;
          // The list only marks the step as failed; the command prints the error itself.
          throw new Error("see below", { cause: error });
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
  try {
    await list.run();
  } catch (error) {
    throw failure ?? error;
  }
}
