/**
 * Runs one invocation of a Node.js function, an ECMAScript module with an asynchronous handler, as Lambda's runtime
 * interface client does. Reads a FunctionCall as one line of JSON and writes {"output"} or {"error"} to `resultFile`.
 */
import { existsSync, writeFileSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

interface FunctionCall {
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

/** Returns the JSON with which Lambda answers a thrown error. */
function describe(error: unknown): object {
  return error instanceof Error
    ? { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? "").split("\n") }
    : { errorType: typeof error, errorMessage: String(error), trace: [] };
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const call: FunctionCall = JSON.parse((await lines.next()).value ?? "{}");
// Each invocation is a new process, which need not compile the bundle again.
enableCompileCache(join(dirname(call.resultFile), "compile-cache"));
function finish(result: object): never {
  writeFileSync(call.resultFile, JSON.stringify(result));
  process.exit(0);
}
function fail(error: unknown): never {
  console.error(error);
  return finish({ error: describe(error) });
}
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);
try {
  const handler = await load(call.taskRoot, call.handler);
  const context = { ...call.context, getRemainingTimeInMillis: () => Math.max(0, call.deadlineMs - Date.now()) };
  const output = await handler(call.event, context);
  finish({ output: output ?? null });
} catch (error) {
  fail(error);
}
