/**
 * runtime-process.ts <folder of the code> <handler>
 *
 * Runs the invocations of a Node.js function one after the other, as Lambda's runtime interface client does. The function
 * is an ECMAScript module with an asynchronous handler. Each invocation is a line of JSON on standard input, a
 * FunctionCall. Its answer is a line on file descriptor 3: {"output"} or {"error"}, with "isLast" when this process ends.
 */
import { existsSync, writeFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

interface FunctionCall {
  readonly event: unknown;
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

const answers = 3;

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

/** Returns the JSON with which Lambda answers a thrown error. */
function describe(error: unknown): object {
  return error instanceof Error
    ? { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? "").split("\n") }
    : { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function answer(reply: object): void {
  writeFileSync(answers, `${JSON.stringify(reply)}\n`);
}

function fail(error: unknown): never {
  console.error(error);
  answer({ error: describe(error), isLast: true });
  process.exit(1);
}

async function run(handler: Handler, { event, deadlineMs, context }: FunctionCall): Promise<void> {
  const getRemainingTimeInMillis = (): number => Math.max(0, deadlineMs - Date.now());
  try {
    answer({ output: (await handler(event, { ...context, getRemainingTimeInMillis })) ?? null });
  } catch (error) {
    console.error(error);
    answer({ error: describe(error) });
  }
}

process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);
const [taskRoot = "", handlerName = ""] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin });
let handler: Handler | undefined;
for await (const line of lines) {
  handler ??= await load(taskRoot, handlerName).catch(fail);
  await run(handler, JSON.parse(line));
  // A process that is killed when it is no longer needed would not write the cache.
  flushCompileCache();
}
