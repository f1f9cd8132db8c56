import { Listr } from "listr2";
import type { Lifetime } from "./lifetime.ts";

/** How a task tells what it does. */
export interface Reporter {
  /** A line about what goes on now; the next one takes its place on a terminal. */
  readonly status: (line: string) => void;
  /** A line that stays. */
  readonly line: (line: string) => void;
  /** The task's title, when it has ended. */
  readonly title: (text: string) => void;
}

export interface Step {
  readonly title: string;
  readonly run: (reporter: Reporter) => Promise<void>;
}

/** Without a terminal, a status is printed at most this often. */
const statusEveryMs = 10_000;

/** Runs steps one after the other and shows them: live on a terminal, as plain lines elsewhere, not at all when quiet. */
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
            else if (Date.now() - shownAt >= statusEveryMs) {
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
          // The list marks the step; what went wrong is told once, by the command.
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
