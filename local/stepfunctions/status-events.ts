import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import type { AccountContext } from "../support/account-context.ts";
import { AwsError, errorText, type JsonObject } from "../support/aws-error.ts";
import type { Execution } from "./execution-record.ts";
import { redriveStatus } from "./redrive.ts";

/** Sends the status changes of executions to EventBridge, in the order in which they happened. */
export class StatusEvents {
  readonly #client: EventBridgeClient;
  readonly #log: (line: string) => void;
  #lastSent: Promise<void> = Promise.resolve();

  constructor({ ministack: endpoint, region, credentials, log }: AccountContext) {
    this.#client = new EventBridgeClient({ endpoint, region, credentials });
    this.#log = log;
  }

  /** Sends the execution's present status. A failure is logged and not thrown. */
  publish(execution: Execution): Promise<void> {
    const detail = statusChange(execution);
    this.#lastSent = this.#lastSent.then(() => this.#send(execution, detail));
    return this.#lastSent;
  }

  async #send({ executionArn, name }: Execution, detail: JsonObject): Promise<void> {
    const entry = {
      Source: "aws.states",
      DetailType: "Step Functions Execution Status Change",
      Resources: [executionArn],
      Detail: JSON.stringify(detail),
    };
    try {
      const { Entries: [answer] = [] } = await this.#client.send(new PutEventsCommand({ Entries: [entry] }));
      if (answer?.ErrorCode !== undefined) {
        throw new AwsError(answer.ErrorCode, answer.ErrorMessage ?? "");
      }
    } catch (error) {
      this.#log(`stepfunctions: the event of ${name} (${detail["status"]}) was not delivered: ${errorText(error)}`);
    }
  }
}

/** https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html: times in ms, null for absent values. */
function statusChange(execution: Execution): JsonObject {
  const { executionArn, stateMachineArn, name, status, startDate, stopDate, input, output, error, cause } = execution;
  const { redriveCount, redriveDate } = execution;
  return {
    executionArn,
    stateMachineArn,
    name,
    status,
    startDate: Math.round(startDate * 1000),
    stopDate: stopDate === undefined ? null : Math.round(stopDate * 1000),
    input,
    inputDetails: { included: true },
    output: output ?? null,
    outputDetails: output === undefined ? null : { included: true },
    error: error ?? null,
    cause: cause ?? null,
    redriveCount,
    redriveDate: redriveDate === undefined ? null : Math.round(redriveDate * 1000),
    redriveStatusReason: null,
    ...redriveStatus(execution),
  };
}
