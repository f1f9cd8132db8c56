import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Supervised, supervise } from "../support/supervise.ts";

interface ProcessOptions {
  /** The folder that has `python/`. */
  readonly tools: string;
  /** The folder of the function's code. */
  readonly taskRoot: string;
  /** Lambda's name for the handler: its file without the ending, a dot, and the name of its export. */
  readonly handler: string;
  readonly memoryMb: number;
  readonly env: Readonly<Record<string, string>>;
  /** Belongs to the process, as in Lambda: all its invocations write to this stream. */
  readonly logStreamName: string;
}

interface Call {
  readonly event: unknown;
  readonly timeoutSeconds: number;
  readonly context: Readonly<Record<string, string>>;
}

/** Written by `runtime-process.ts`. */
interface Reply {
  readonly output?: unknown;
  readonly error?: unknown;
  /** The process ends, because nobody caught its error. */
  readonly isLast?: true;
}

export interface CallEnd {
  /** Undefined when the process ended without one. */
  readonly reply?: Reply;
  readonly exitCode?: number;
  readonly isTimedOut: boolean;
  /** True when the process can take another call. */
  readonly isReusable: boolean;
  /** Standard output and standard error. */
  readonly lines: readonly string[];
}

/** A process of one function. It runs one call at a time, and keeps the state of its modules between calls. */
export class FunctionProcess {
  readonly logStreamName: string;
  /** The exit code of the process. */
  readonly ended: Promise<number>;
  readonly #child: Supervised;
  #lines: string[] = [];
  #receive: (reply: Reply) => void = () => undefined;

  constructor({ tools, taskRoot, handler, memoryMb, env, logStreamName }: ProcessOptions) {
    this.logStreamName = logStreamName;
    const node = [process.execPath, `--max-old-space-size=${memoryMb}`];
    const command = [...node, join(import.meta.dirname, "runtime-process.ts"), taskRoot, handler];
    const options = { tools, cwd: taskRoot, env, input: "", hasAnswers: true, graceSeconds: 0.2 };
    this.#child = supervise(command, options);
    this.ended = this.#child.ended;
    const [, stdout, stderr, answers] = this.#child.process.stdio;
    for (const stream of [stdout, stderr]) {
      if (stream) createInterface({ input: stream }).on("line", (line) => this.#lines.push(line));
    }
    if (answers instanceof Readable) {
      createInterface({ input: answers }).on("line", (line) => this.#receive(JSON.parse(line)));
    }
  }

  /** Runs a call, and ends the process at its time-out or when the signal aborts. */
  async call({ event, timeoutSeconds, context }: Call, signal?: AbortSignal): Promise<CallEnd> {
    const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
    const ending = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
    const stop = (): void => void this.stop();
    this.#lines = [];
    const replied = new Promise<Reply>((resolve) => {
      this.#receive = resolve;
    });
    const deadlineMs = Date.now() + timeoutSeconds * 1000;
    this.#child.process.stdin?.write(`${JSON.stringify({ event, deadlineMs, context })}\n`);
    ending.addEventListener("abort", stop);
    if (ending.aborted) stop();
    try {
      const end = await Promise.race([
        replied.then((reply) => ({ reply })),
        this.ended.then((exitCode) => ({ exitCode })),
      ]);
      // The process wrote its lines before its reply, so they can be read by now.
      await nextTurn();
      const isReusable = "reply" in end && end.reply.isLast === undefined && !ending.aborted;
      return { ...end, isTimedOut: timeout.aborted, isReusable, lines: this.#lines };
    } finally {
      ending.removeEventListener("abort", stop);
    }
  }

  stop(): Promise<number> {
    return this.#child.stop();
  }
}
