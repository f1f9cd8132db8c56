import { randomBytes, randomUUID } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { type FunctionConfiguration, GetFunctionCommand, LambdaClient } from "@aws-sdk/client-lambda";
import type { AccountContext } from "../support/account-context.ts";
import { AwsError, errorText } from "../support/aws-error.ts";
import type { CallRecorder } from "../support/call-recorder.ts";
import type { Callers } from "../support/callers.ts";
import { supervise } from "../support/supervise.ts";
import { unpackCode } from "./function-code.ts";
import { functionEnvironment } from "./function-environment.ts";
import { FunctionLog, logGroupOf } from "./function-log.ts";

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html: twice, after one and two minutes. */
const defaultRetryPausesSeconds = [60, 120];

export interface Invocation {
  readonly requestId: string;
  /** JSON: the function's answer, or {errorType, errorMessage, trace} when functionError is set. */
  readonly payload: string;
  readonly functionError?: "Unhandled";
}

/** The process of one invocation. */
interface FunctionProcess {
  readonly requestId: string;
  readonly taskRoot: string;
  readonly timeoutSeconds: number;
  readonly env: Readonly<Record<string, string>>;
  readonly context: Readonly<Record<string, string>> & {
    readonly logGroupName: string;
    readonly logStreamName: string;
  };
}

interface ProcessEnd {
  readonly exitCode: number;
  readonly isTimedOut: boolean;
  /** The content of the result file; undefined when the process did not write it. */
  readonly result: { readonly output?: unknown; readonly error?: unknown } | undefined;
  /** Standard output and standard error. */
  readonly lines: readonly string[];
}

/**
 * Runs functions whose configuration and code are stored in MiniStack. Each invocation is a process of its own, so that
 * the names of thrown errors survive; it inherits no environment variables.
 */
export class LambdaRunner {
  readonly #context: AccountContext;
  readonly #callers: Callers;
  readonly #client: LambdaClient;
  readonly #log: FunctionLog;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  readonly #retryPausesSeconds: readonly number[];

  constructor(
    context: AccountContext,
    callers: Callers,
    calls: CallRecorder,
    retryPausesSeconds: readonly number[] = defaultRetryPausesSeconds,
  ) {
    const { ministack: endpoint, region, credentials } = context;
    this.#context = context;
    this.#callers = callers;
    this.#retryPausesSeconds = retryPausesSeconds;
    this.#client = new LambdaClient({ endpoint, region, credentials });
    this.#log = new FunctionLog(context, calls);
  }

  /**
   * Invokes a function and waits for its answer.
   * @param name name or ARN
   * @param event JSON text
   * @throws AwsError ResourceNotFoundException, InvalidRequestContentException
   */
  async invoke(name: string, event: string, signal?: AbortSignal): Promise<Invocation> {
    const run = this.#invoke(name, event === "" ? "{}" : event, signal);
    this.#running.add(run);
    try {
      return await run;
    } finally {
      this.#running.delete(run);
    }
  }

  /**
   * Invokes a function asynchronously: logs its errors and retries it. Dead-letter queues and destinations are not served.
   * @throws AwsError as `invoke` does
   */
  async invokeAsync(name: string, event: string): Promise<void> {
    const { signal } = this.#stopping;
    for (const pauseSeconds of [...this.#retryPausesSeconds, undefined]) {
      const { functionError, payload } = await this.invoke(name, event);
      if (functionError === undefined || signal.aborted) {
        return;
      }
      const next = pauseSeconds === undefined ? "no retries are left" : `retrying in ${pauseSeconds} s`;
      this.#context.log(`lambda: ${name} failed, ${next}: ${payload.slice(0, 1000)}`);
      if (pauseSeconds !== undefined) {
        await sleep(pauseSeconds * 1000, undefined, { ref: false, signal }).catch(() => undefined);
        if (signal.aborted) {
          return;
        }
      }
    }
  }

  /** @param name name or ARN */
  arn(name: string): string {
    const { region, accountId } = this.#context;
    return name.startsWith("arn:") ? name : `arn:aws:lambda:${region}:${accountId}:function:${name}`;
  }

  /** Ends running invocations and pending retries. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled(this.#running);
  }

  async #invoke(name: string, event: string, signal?: AbortSignal): Promise<Invocation> {
    const { configuration, location } = await this.#getFunction(name);
    const parsedEvent = parseEvent(event);
    const prepared = await this.#prepare(name, configuration, location);
    const { requestId, timeoutSeconds, context } = prepared;
    const startedAt = Date.now();
    const end = await this.#run(prepared, configuration, parsedEvent, signal);
    const lines = [
      `START RequestId: ${requestId} Version: ${context["functionVersion"]}`,
      ...end.lines,
      `END RequestId: ${requestId}`,
      `REPORT RequestId: ${requestId}\tDuration: ${Date.now() - startedAt} ms`,
    ];
    await this.#log.write(context, lines, configuration.Role ?? null);
    return invocationOf(requestId, end, timeoutSeconds);
  }

  async #getFunction(name: string) {
    const { Configuration: configuration, Code: code } = await this.#client
      .send(new GetFunctionCommand({ FunctionName: name }))
      .catch((error: unknown) => {
        throw error instanceof Error && error.name === "ResourceNotFoundException"
          ? new AwsError("ResourceNotFoundException", `Function not found: ${name}`, 404)
          : error;
      });
    if (configuration === undefined || code?.Location === undefined) {
      throw new AwsError("ServiceException", `The function ${name} has no code.`, 500);
    }
    return { configuration, location: code.Location };
  }

  /** Unpacks the code and builds the context object and the environment. */
  async #prepare(name: string, configuration: FunctionConfiguration, location: string): Promise<FunctionProcess> {
    const { directory, endpoint, region } = this.#context;
    const sha256 = configuration.CodeSha256 ?? randomUUID();
    const taskRoot = await unpackCode(this.#context, join(directory, "lambda"), { sha256, location });
    const requestId = randomUUID();
    const functionVersion = configuration.Version ?? "$LATEST";
    const functionName = configuration.FunctionName ?? name;
    const day = new Date().toISOString().slice(0, 10).replaceAll("-", "/");
    const context = {
      awsRequestId: requestId,
      functionName,
      functionVersion,
      invokedFunctionArn: configuration.FunctionArn ?? "",
      memoryLimitInMB: String(configuration.MemorySize ?? 128),
      logGroupName: logGroupOf({ ...configuration, FunctionName: functionName }),
      logStreamName: `${day}/[${functionVersion}]${randomBytes(16).toString("hex")}`,
    };
    const credentials = this.#callers.credentials(configuration.Role ?? "");
    const env = functionEnvironment(configuration, { endpoint, region, directory, credentials, taskRoot, ...context });
    return { requestId, taskRoot, timeoutSeconds: configuration.Timeout ?? 3, env, context };
  }

  async #run(
    { requestId, taskRoot, timeoutSeconds, env, context }: FunctionProcess,
    { Handler: handler = "index.handler", MemorySize: memoryMb = 128 }: FunctionConfiguration,
    event: unknown,
    signal?: AbortSignal,
  ): Promise<ProcessEnd> {
    const { directory, tools } = this.#context;
    const resultFile = join(directory, "lambda", `${requestId}.json`);
    const deadlineMs = Date.now() + timeoutSeconds * 1000;
    const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
    const child = supervise(
      [process.execPath, `--max-old-space-size=${memoryMb}`, join(import.meta.dirname, "runtime-process.ts")],
      {
        tools,
        cwd: taskRoot,
        env,
        input: `${JSON.stringify({ taskRoot, handler, event, resultFile, deadlineMs, context })}\n`,
        graceSeconds: 0.2,
        signal: AbortSignal.any([timeout, this.#stopping.signal, ...(signal === undefined ? [] : [signal])]),
      },
    );
    const lines: string[] = [];
    for (const stream of [child.process.stdout, child.process.stderr]) {
      if (stream !== null) {
        createInterface({ input: stream }).on("line", (line) => lines.push(line));
      }
    }
    const exitCode = await child.ended;
    const result = await readFile(resultFile, "utf8").then(JSON.parse, () => undefined);
    await rm(resultFile, { force: true });
    return { exitCode, isTimedOut: timeout.aborted, result, lines };
  }
}

function invocationOf(requestId: string, { exitCode, isTimedOut, result }: ProcessEnd, timeoutSeconds: number) {
  if (result?.output !== undefined) {
    return { requestId, payload: JSON.stringify(result.output) };
  }
  // https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html: Sandbox.Timedout
  const failure =
    result?.error ??
    (isTimedOut
      ? runtimeError("Sandbox.Timedout", requestId, `Task timed out after ${timeoutSeconds.toFixed(2)} seconds`)
      : runtimeError("Runtime.ExitError", requestId, `Runtime exited with error: ${exitText(exitCode)}`));
  return { requestId, payload: JSON.stringify(failure), functionError: "Unhandled" as const };
}

function parseEvent(event: string): unknown {
  try {
    return JSON.parse(event);
  } catch (error) {
    throw new AwsError("InvalidRequestContentException", `Could not parse request body into json: ${errorText(error)}`);
  }
}

function exitText(code: number): string {
  return code > 128 ? "signal: killed" : `exit status ${code}`;
}

function runtimeError(errorType: string, requestId: string, message: string): object {
  return { errorType, errorMessage: `RequestId: ${requestId} Error: ${message}` };
}
