import { existsSync } from "node:fs";
import { join } from "node:path";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { GetFunctionConfigurationCommand, LambdaClient } from "@aws-sdk/client-lambda";
import type { LogText } from "../../pages/console/console-data.ts";
import { logGroupOf } from "../lambda/function-log.ts";
import type { AccountContext } from "../support/account-context.ts";
import { AwsError } from "../support/aws-error.ts";
import { readTail } from "../support/read-tail.ts";

/** A screen or two of a log; `orchard logs --full` has all of it. */
const maxBytes = 64 * 1024;

/** Reads the logs of steps, while they are written, and of functions. */
export class Logs {
  readonly #context: AccountContext;
  readonly #logs: CloudWatchLogsClient;
  readonly #functions: LambdaClient;

  constructor(context: AccountContext) {
    const { ministack: endpoint, region, credentials } = context;
    this.#context = context;
    this.#logs = new CloudWatchLogsClient({ endpoint, region, credentials });
    this.#functions = new LambdaClient({ endpoint, region, credentials });
  }

  /** @throws AwsError BadRequest for parameters that name no log */
  read(parameters: URLSearchParams): Promise<LogText> {
    const text = (name: string) => parameters.get(name) ?? "";
    if (parameters.has("function")) {
      return this.#readFunction(text("function"), Number(text("from")), Number(text("to")) || Date.now() / 1000);
    }
    return this.#readStep(text("cluster"), text("step"), text("file"));
  }

  async #readStep(clusterId: string, stepId: string, name: string): Promise<LogText> {
    if (!/^j-\w+$/.test(clusterId) || !/^s-\w+$/.test(stepId) || !["stdout", "stderr", "controller"].includes(name)) {
      throw new AwsError("BadRequest", "Name a cluster, a step, and one of stdout, stderr and controller.");
    }
    const file = join(this.#context.directory, "emr", clusterId, "steps", stepId, name);
    return existsSync(file) ? cut(await readTail(file, maxBytes)) : { text: "", isCut: false };
  }

  /** @param from seconds since the epoch, as `to` */
  async #readFunction(FunctionName: string, from: number, to: number): Promise<LogText> {
    // Look a little beyond the state's end, because the log is written after the function has ended.
    const range = { startTime: Math.floor(from * 1000), endTime: Math.ceil(to * 1000) + 2_000 };
    try {
      const configuration = await this.#functions.send(new GetFunctionConfigurationCommand({ FunctionName }));
      const command = new FilterLogEventsCommand({ logGroupName: logGroupOf(configuration), ...range });
      const { events = [] } = await this.#logs.send(command);
      return cut(events.map(({ message }) => message).join("\n"));
    } catch (error) {
      // The function has been deleted, or its group does not exist before its first output.
      if (error instanceof Error && error.name === "ResourceNotFoundException") return { text: "", isCut: false };
      throw error;
    }
  }
}

/** Keeps the end of a long text, without its first, incomplete line. */
function cut(text: string): LogText {
  if (text.length < maxBytes) return { text, isCut: false };
  return { text: text.slice(text.length - maxBytes).replace(/^.*\n/, ""), isCut: true };
}
