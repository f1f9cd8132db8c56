import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import type { FunctionConfiguration } from "@aws-sdk/client-lambda";
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

  /** Writes the lines to a new stream. A failure is logged and not thrown. */
  async write({ logGroupName, logStreamName }: LogStream, lines: readonly string[], role: string | null) {
    const timestamp = Date.now();
    const { region, accountId } = this.#context;
    const groupArn = `arn:aws:logs:${region}:${accountId}:log-group:${logGroupName}`;
    const caller = { source: "lambda", role } as const;
    this.#calls.record(caller, "logs", "CreateLogStream", { logArn: `${groupArn}:*` });
    this.#calls.record(caller, "logs", "PutLogEvents", { logArn: `${groupArn}:log-stream:${logStreamName}` });
    try {
      await this.#client.send(new CreateLogGroupCommand({ logGroupName })).catch(ignoreExisting);
      await this.#client.send(new CreateLogStreamCommand({ logGroupName, logStreamName })).catch(ignoreExisting);
      const logEvents = lines.filter((line) => line !== "").map((message) => ({ timestamp, message }));
      await this.#client.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents }));
    } catch (error) {
      this.#context.log(`lambda: the log of ${logGroupName} was not written: ${errorText(error)}`);
    }
  }
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof Error) || error.name !== "ResourceAlreadyExistsException") {
    throw error;
  }
}
