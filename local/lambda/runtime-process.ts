/**
 * One invocation of a Node.js function, an ECMAScript module with an asynchronous handler, in a process of its own, as
 * Lambda's runtime interface client does it.
 * Reads one line of JSON (Task) from standard input and writes {"output"} or {"error"} to `resultFile`.
 */
import { existsSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

interface Task {
  readonly taskRoot: string;
  readonly handler: string;
  readonly event: unknown;
  readonly resultFile: string;
  readonly deadlineMs: number;
  readonly context: Readonly<Record<string, string>>;
}

type Handler = (event: unknown, context: unknown) => unknown;

class RuntimeError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

async function load(taskRoot: string, handler: string): Promise<Handler> {
  const [module = "", ...path] = basename(handler).split(".");
  const file = join(taskRoot, dirname(handler), `${module}.mjs`);
  if (!existsSync(file)) {
    throw new RuntimeError("Runtime.ImportModuleError", `Error: Cannot find module '${module}'`);
  }
  const exports = await import(pathToFileURL(file).href);
  const callable = path.reduce((value, key) => value?.[key], exports);
  if (typeof callable !== "function") {
    throw new RuntimeError("Runtime.HandlerNotFound", `${handler} is undefined or not exported`);
  }
  return callable;
}

/** The shape in which Lambda answers what a function threw. */
function describe(error: unknown): object {
  return error instanceof Error
    ? { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? "").split("\n") }
    : { errorType: typeof error, errorMessage: String(error), trace: [] };
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const task: Task = JSON.parse((await lines.next()).value ?? "{}");
function finish(result: object): never {
  writeFileSync(task.resultFile, JSON.stringify(result));
  process.exit(0);
}
function fail(error: unknown): never {
  console.error(error);
  return finish({ error: describe(error) });
}
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);
try {
  const handler = await load(task.taskRoot, task.handler);
  const context = { ...task.context, getRemainingTimeInMillis: () => Math.max(0, task.deadlineMs - Date.now()) };
  const output = await handler(task.event, context);
  finish({ output: output ?? null });
} catch (error) {
  fail(error);
}
