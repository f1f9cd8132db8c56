import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type FunctionConfiguration, GetFunctionCommand, LambdaClient } from "@aws-sdk/client-lambda";
import type { AccountContext } from "../support/account-context.ts";
import { AwsError, errorText } from "../support/aws-error.ts";
import type { CallRecorder } from "../support/call-recorder.ts";
import type { Callers } from "../support/callers.ts";
import { unpackCode } from "./function-code.ts";
import { functionEnvironment } from "./function-environment.ts";
import { FunctionLog, logGroupOf } from "./function-log.ts";
import { type CallEnd, FunctionProcess } from "./function-process.ts";
import { FunctionProcesses } from "./function-processes.ts";

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html: twice, after one and two minutes. */
const defaultRetryPausesSeconds = [60, 120];

export interface Invocation {
  readonly requestId: string;
  /** JSON: the function's answer, or {errorType, errorMessage, trace} when functionError is set. */
  readonly payload: string;
  readonly functionError?: "Unhandled";
}

/** Runs functions whose configuration and code are stored in MiniStack, in processes that inherit no environment. */
export class LambdaRunner {
  readonly #context: AccountContext;
  readonly #callers: Callers;
  readonly #client: LambdaClient;
  readonly #log: FunctionLog;
  readonly #processes = new FunctionProcesses();
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

  /** Ends running invocations, pending retries and the processes of all functions. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled(this.#running);
    await this.#processes.stop();
  }

  async #invoke(name: string, event: string, signal?: AbortSignal): Promise<Invocation> {
    const { configuration, location } = await this.#getFunction(name);
    const parsedEvent = parseEvent(event);
    const requestId = randomUUID();
    const timeoutSeconds = configuration.Timeout ?? 3;
    const { key, start } = await this.#prepare(configuration, location);
    const process = this.#processes.take(key, start);
    const context = { ...contextOf(configuration), awsRequestId: requestId, logStreamName: process.logStreamName };
    const signals = AbortSignal.any([this.#stopping.signal, ...(signal === undefined ? [] : [signal])]);
    const startedAt = Date.now();
    const end = await process.call({ event: parsedEvent, timeoutSeconds, context }, signals);
    if (end.isReusable) this.#processes.keep(key, process);
    const lines = [
      `START RequestId: ${requestId} Version: ${context.functionVersion}`,
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

  /** Unpacks the code. Returns a function that starts a process, and a key that is equal for interchangeable processes. */
  async #prepare(configuration: FunctionConfiguration, location: string) {
    const { directory, endpoint, region, tools } = this.#context;
    const sha256 = configuration.CodeSha256 ?? randomUUID();
    const folder = join(directory, "lambda");
    const taskRoot = await unpackCode(this.#context, folder, { sha256, location });
    const { MemorySize: memoryMb = 128, Handler: handler = "index.handler" } = configuration;
    const credentials = this.#callers.credentials(configuration.Role ?? "");
    const options = { endpoint, region, directory, credentials, taskRoot, ...contextOf(configuration) };
    const environment = (logStreamName: string) => functionEnvironment(configuration, { ...options, logStreamName });
    const start = (): FunctionProcess => {
      const day = new Date().toISOString().slice(0, 10).replaceAll("-", "/");
      const logStreamName = `${day}/[${options.functionVersion}]${randomBytes(16).toString("hex")}`;
      const env = environment(logStreamName);
      return new FunctionProcess({ tools, taskRoot, handler, memoryMb, env, logStreamName });
    };
    // The environment names the code, the handler and the memory. The rest of the configuration, such as LastUpdateStatus,
    // can change without an update of the function.
    return { key: JSON.stringify(environment("")), start };
  }
}

/** Returns the part of a function's context object that is the same in all invocations. */
function contextOf(configuration: FunctionConfiguration) {
  return {
    functionName: configuration.FunctionName ?? "",
    functionVersion: configuration.Version ?? "$LATEST",
    invokedFunctionArn: configuration.FunctionArn ?? "",
    memoryLimitInMB: String(configuration.MemorySize ?? 128),
    logGroupName: logGroupOf(configuration),
  };
}

function invocationOf(requestId: string, { exitCode = 0, isTimedOut, reply }: CallEnd, timeoutSeconds: number) {
  if (reply?.output !== undefined) {
    return { requestId, payload: JSON.stringify(reply.output) };
  }
  // https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html: Sandbox.Timedout
  const failure =
    reply?.error ??
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
