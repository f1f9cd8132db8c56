import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import type { FunctionConfiguration } from "@aws-sdk/client-lambda";
import { isNamed } from "../../lambdas/aws/errors.ts";
import type { AccountContext } from "../support/account-context.ts";
import { errorText } from "../support/aws-error.ts";
import type { CallRecorder } from "../support/call-recorder.ts";

interface LogStream {
  readonly logGroupName: string;
  readonly logStreamName: string;
}

/** Returns the log group of a function: the configured one, or else Lambda's default. */
export function logGroupOf({ FunctionName: name = "", LoggingConfig: logging }: FunctionConfiguration): string {
  return logging?.LogGroup ?? `/aws/lambda/${name}`;
}

/** Writes the output of invocations to CloudWatch Logs, as Lambda does under the function's role. */
export class FunctionLog {
  readonly #context: AccountContext;
  readonly #calls: CallRecorder;
  readonly #client: CloudWatchLogsClient;

  constructor(context: AccountContext, calls: CallRecorder) {
    const { ministack: endpoint, region, credentials } = context;
    this.#context = context;
    this.#calls = calls;
    this.#client = new CloudWatchLogsClient({ endpoint, region, credentials });
  }

  /** Writes the lines to the stream. A failure is logged and not thrown. */
  async write({ logGroupName, logStreamName }: LogStream, lines: readonly string[], role: string | null) {
    const timestamp = Date.now();
    const { region, accountId } = this.#context;
    const groupArn = `arn:aws:logs:${region}:${accountId}:log-group:${logGroupName}`;
    const caller = { source: "lambda", role } as const;
    this.#calls.record(caller, "logs", "CreateLogStream", { logArn: `${groupArn}:*` });
    this.#calls.record(caller, "logs", "PutLogEvents", { logArn: `${groupArn}:log-stream:${logStreamName}` });
    const logEvents = lines.filter((line) => line !== "").map((message) => ({ timestamp, message }));
    const put = new PutLogEventsCommand({ logGroupName, logStreamName, logEvents });
    try {
      // Only at the first call of a process, the stream does not exist yet.
      await this.#client.send(put).catch(async (error: unknown) => {
        if (!isNamed(error, "ResourceNotFoundException")) throw error;
        await this.#createStream({ logGroupName, logStreamName });
        await this.#client.send(put);
      });
    } catch (error) {
      this.#context.log(`lambda: the log of ${logGroupName} was not written: ${errorText(error)}`);
    }
  }

  async #createStream(stream: LogStream): Promise<void> {
    const { logGroupName } = stream;
    await this.#client.send(new CreateLogGroupCommand({ logGroupName })).catch(ignoreExisting);
    await this.#client.send(new CreateLogStreamCommand(stream)).catch(ignoreExisting);
  }
}

function ignoreExisting(error: unknown): void {
  if (!isNamed(error, "ResourceAlreadyExistsException")) throw error;
}
