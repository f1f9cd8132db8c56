import { Listr } from "listr2";
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
 * Runs steps one after the other. They are shown live on a terminal and as plain lines elsewhere.
 *
 * @param quiet shows nothing
 */
export async function runSteps(lifetime: Lifetime, steps: readonly Step[], quiet: boolean): Promise<void> {
  const isLive = process.stdout.isTTY === true && !quiet;
  let failure: unknown;
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
      registerSignalListeners: false,
      rendererOptions: { collapseErrors: false, showErrorMessage: false },
    },
  );
  try {
    await list.run();
  } catch (error) {
    throw failure ?? error;
  }
}
