import { randomBytes, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { type FunctionConfiguration, GetFunctionCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { unzipSync } from "fflate";
import type { ApiCalls } from "../support/api-calls.ts";
import { AwsError, errorText } from "../support/aws-error.ts";
import { type AccountContext, supervise } from "../support/supervise.ts";

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html: twice, after one and two minutes. */
const RETRY_PAUSES_SECONDS = [60, 120];

export interface Invocation {
  readonly requestId: string;
  /** JSON: what the function answered, or {errorType, errorMessage, trace} when functionError is set. */
  readonly payload: string;
  readonly functionError?: "Unhandled";
}

/**
 * Runs deployed functions, one process an invocation, so that the names of thrown errors survive.
 * Configuration and code are MiniStack's; the process sees the function's own environment and nothing of ours.
 */
export class LambdaRunner {
  readonly #context: AccountContext;
  readonly #calls: ApiCalls;
  readonly #functions: LambdaClient;
  readonly #logs: CloudWatchLogsClient;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  readonly #retryPausesSeconds: readonly number[];

  constructor(context: AccountContext, calls: ApiCalls, retryPausesSeconds: readonly number[] = RETRY_PAUSES_SECONDS) {
    const config = { endpoint: context.ministack, region: context.region, credentials: context.credentials };
    this.#context = context;
    this.#calls = calls;
    this.#retryPausesSeconds = retryPausesSeconds;
    this.#functions = new LambdaClient(config);
    this.#logs = new CloudWatchLogsClient(config);
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
   * Invokes a function for whom nobody waits: what it throws is in the account's log, and it is tried again.
   * The account serves no dead-letter queue and no destination.
   * @throws AwsError as `invoke`
   */
  async invokeAsync(name: string, event: string): Promise<void> {
    for (const pauseSeconds of [...this.#retryPausesSeconds, undefined]) {
      const { functionError, payload } = await this.invoke(name, event);
      if (functionError === undefined || this.#stopping.signal.aborted) {
        return;
      }
      const next = pauseSeconds === undefined ? "given up" : `tried again in ${pauseSeconds} s`;
      this.#context.log(`lambda: ${name} failed, ${next}: ${payload.slice(0, 1000)}`);
      if (pauseSeconds !== undefined) {
        const { signal } = this.#stopping;
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

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled(this.#running);
  }

  async #invoke(name: string, event: string, signal?: AbortSignal): Promise<Invocation> {
    const { Configuration: configuration, Code: code } = await this.#functions
      .send(new GetFunctionCommand({ FunctionName: name }))
      .catch((error: unknown) => {
        throw error instanceof Error && error.name === "ResourceNotFoundException"
          ? new AwsError("ResourceNotFoundException", `Function not found: ${name}`, 404)
          : error;
      });
    if (configuration === undefined || code?.Location === undefined) {
      throw new AwsError("ServiceException", `The function ${name} has no code.`, 500);
    }
    const parsed = parseEvent(event);
    const taskRoot = await this.#unpack(configuration.CodeSha256 ?? randomUUID(), code.Location);
    const requestId = randomUUID();
    const version = configuration.Version ?? "$LATEST";
    const logStream = `${new Date().toISOString().slice(0, 10).replaceAll("-", "/")}/[${version}]${randomBytes(16).toString("hex")}`;
    const resultFile = join(this.#context.directory, "lambda", `${requestId}.json`);
    const timeoutSeconds = configuration.Timeout ?? 3;
    const memoryMb = configuration.MemorySize ?? 128;
    const functionName = configuration.FunctionName ?? name;
    const task = {
      taskRoot,
      handler: configuration.Handler ?? "index.handler",
      event: parsed,
      resultFile,
      deadlineMs: Date.now() + timeoutSeconds * 1000,
      context: {
        awsRequestId: requestId,
        functionName,
        functionVersion: version,
        invokedFunctionArn: configuration.FunctionArn ?? "",
        memoryLimitInMB: String(memoryMb),
        logGroupName: configuration.LoggingConfig?.LogGroup ?? `/aws/lambda/${functionName}`,
        logStreamName: logStream,
      },
    };
    const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
    const startedAt = Date.now();
    const child = supervise(
      [process.execPath, `--max-old-space-size=${memoryMb}`, join(import.meta.dirname, "runtime-process.ts")],
      {
        tools: this.#context.tools,
        cwd: taskRoot,
        env: this.#environment(configuration, task.context, taskRoot),
        input: `${JSON.stringify(task)}\n`,
        graceSeconds: 0.2,
        signal: AbortSignal.any([timeout, this.#stopping.signal, ...(signal === undefined ? [] : [signal])]),
      },
    );
    const logLines: string[] = [`START RequestId: ${requestId} Version: ${version}`];
    for (const stream of [child.process.stdout, child.process.stderr]) {
      if (stream !== null) {
        createInterface({ input: stream }).on("line", (line) => logLines.push(line));
      }
    }
    const exitCode = await child.ended;
    const result = await readFile(resultFile, "utf8").then(JSON.parse, () => undefined);
    await rm(resultFile, { force: true });
    const durationMs = Date.now() - startedAt;
    logLines.push(`END RequestId: ${requestId}`, `REPORT RequestId: ${requestId}\tDuration: ${durationMs} ms`);
    await this.#keepLog(task.context.logGroupName, logStream, logLines, configuration.Role ?? null);
    const answer = (payload: unknown, failed: boolean): Invocation => ({
      requestId,
      payload: JSON.stringify(payload),
      ...(failed ? { functionError: "Unhandled" as const } : {}),
    });
    if (result?.output !== undefined) {
      return answer(result.output, false);
    }
    if (result?.error !== undefined) {
      return answer(result.error, true);
    }
    // https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html: Sandbox.Timedout
    const seconds = timeoutSeconds.toFixed(2);
    return timeout.aborted
      ? answer(failure("Sandbox.Timedout", requestId, `Task timed out after ${seconds} seconds`), true)
      : answer(failure("Runtime.ExitError", requestId, `Runtime exited with error: ${exitText(exitCode)}`), true);
  }

  #environment(
    configuration: FunctionConfiguration,
    context: {
      readonly functionName: string;
      readonly functionVersion: string;
      readonly logGroupName: string;
      readonly logStreamName: string;
    },
    taskRoot: string,
  ): Record<string, string> {
    const { accessKeyId, secretAccessKey } = this.#calls.credentials(configuration.Role ?? "");
    return {
      AWS_ENDPOINT_URL: this.#context.endpoint,
      ...configuration.Environment?.Variables,
      PATH: "/usr/local/bin:/usr/bin:/bin",
      LANG: "en_US.UTF-8",
      TZ: ":UTC",
      AWS_REGION: this.#context.region,
      AWS_DEFAULT_REGION: this.#context.region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_LAMBDA_FUNCTION_NAME: context.functionName,
      AWS_LAMBDA_FUNCTION_VERSION: context.functionVersion,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(configuration.MemorySize ?? 128),
      AWS_LAMBDA_LOG_GROUP_NAME: context.logGroupName,
      AWS_LAMBDA_LOG_STREAM_NAME: context.logStreamName,
      AWS_EXECUTION_ENV: `AWS_Lambda_${configuration.Runtime ?? "nodejs"}`,
      LAMBDA_TASK_ROOT: taskRoot,
      _HANDLER: configuration.Handler ?? "index.handler",
    };
  }

  /** Unpacks the code once per content; the rename makes a half-written folder impossible. */
  async #unpack(sha256: string, location: string): Promise<string> {
    const folder = join(this.#context.directory, "lambda", sha256.replaceAll(/[^A-Za-z0-9]/g, "_"));
    if (existsSync(folder)) {
      return folder;
    }
    // The address names MiniStack's own host name; only its path matters here.
    const url = new URL(location);
    const response = await fetch(new URL(url.pathname + url.search, this.#context.ministack));
    if (!response.ok) {
      throw new AwsError("ServiceException", `The code of the function cannot be read: ${response.status}`, 500);
    }
    const partial = `${folder}.${randomUUID()}`;
    for (const [name, bytes] of Object.entries(unzipSync(new Uint8Array(await response.arrayBuffer())))) {
      if (!name.endsWith("/")) {
        await mkdir(dirname(join(partial, name)), { recursive: true });
        await writeFile(join(partial, name), bytes);
      }
    }
    try {
      await rename(partial, folder);
    } catch (error) {
      if (!existsSync(folder)) {
        throw error;
      }
      await rm(partial, { recursive: true });
    }
    return folder;
  }

  async #keepLog(
    logGroupName: string,
    logStreamName: string,
    lines: readonly string[],
    role: string | null,
  ): Promise<void> {
    const timestamp = Date.now();
    const { region, accountId } = this.#context;
    // Lambda writes the log under the function's role.
    for (const operation of ["CreateLogStream", "PutLogEvents"]) {
      const stream = operation === "PutLogEvents" ? `:log-stream:${logStreamName}` : ":*";
      const logArn = `arn:aws:logs:${region}:${accountId}:log-group:${logGroupName}${stream}`;
      this.#calls.record({ source: "lambda", role }, "logs", operation, { logArn });
    }
    try {
      await this.#logs.send(new CreateLogGroupCommand({ logGroupName })).catch(ignoreExisting);
      await this.#logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName })).catch(ignoreExisting);
      const logEvents = lines.filter((line) => line !== "").map((message) => ({ timestamp, message }));
      await this.#logs.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents }));
    } catch (error) {
      this.#context.log(`lambda: the log of ${logGroupName} was not kept: ${errorText(error)}`);
    }
  }
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof Error) || error.name !== "ResourceAlreadyExistsException") {
    throw error;
  }
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

function failure(errorType: string, requestId: string, message: string): object {
  return { errorType, errorMessage: `RequestId: ${requestId} Error: ${message}` };
}
