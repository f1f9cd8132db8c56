// An account for the tests of the console: its workflow needs no Spark, and waits where a test says.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EMRClient, RunJobFlowCommand } from "@aws-sdk/client-emr";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import {
  CreateTopicCommand,
  GetTopicAttributesCommand,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import getPort from "get-port";
import { executionTag } from "../../../lambdas/contract/tags.ts";
import { type Account, startAccount } from "../../../local/account.ts";
import { bashStep, clientConfig, createFunction, jobFlow, put, until } from "../../local/account-fixtures.ts";

/** A text that would be seen as markup, break a layout or change the direction of others. */
export const hostile = `"O'Neil" <script>alert(1)</script> <img src=x onerror=alert(2)> 🍎 \u202Eelppa &amp; ${"long".repeat(60)}`;
/** The state that a failed execution goes to: Step Functions allows 80 characters. */
export const hostileState = `Clean "up" <script>alert(3)</script> 🍎 \u202Eelppa`;

const bucket = "data";
const executionArnPrefix = "arn:aws:states:eu-central-1:000000000000:execution:Orchard:";
const workflow = {
  StartAt: "TakeInput",
  States: {
    TakeInput: {
      Type: "Pass",
      Parameters: {
        "input.$": "$",
        plan: { "run.$": `States.Format('s3://${bucket}/runs/{}/', $$.Execution.Name)`, reuse: null },
      },
      Next: "NeedsFeatures",
    },
    NeedsFeatures: {
      Type: "Choice",
      Choices: [{ Variable: "$.input.mode", StringEquals: "inventory", Next: "Skipped" }],
      Default: "ExtractFeatures",
    },
    Skipped: { Type: "Succeed" },
    ExtractFeatures: {
      Type: "Task",
      Comment: "Waits until the test says so",
      Resource: "arn:aws:lambda:eu-central-1:000000000000:function:work",
      ResultPath: "$.result",
      Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.error", Next: hostileState }],
      Next: "Succeeded",
    },
    [hostileState]: { Type: "Pass", Next: "Failed" },
    Failed: { Type: "Fail", ErrorPath: "$.error.Error", CausePath: "$.error.Cause" },
    Succeeded: { Type: "Succeed" },
  },
};

/** Waits for the run's file in the folder, and fails with the run's label when the file says so. */
const work = (folder: string) => `
import { existsSync, readFileSync } from "node:fs";
class ResultsInvalid extends Error { name = "ResultsInvalid"; }
export const handler = async ({ input, plan }) => {
  console.log("<b>The function's log</b>");
  const file = ${JSON.stringify(folder)} + "/" + plan.run.split("/").at(-2);
  while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 50));
  if (readFileSync(file, "utf8") === "fail") throw new ResultsInvalid(input.label);
  return { input, images: 300 };
};`;

export class ConsoleAccount {
  readonly #directory = mkdtempSync(join(tmpdir(), "orchard-console-"));
  readonly #signals = mkdtempSync(join(tmpdir(), "orchard-signals-"));
  #port = 0;
  #account: Account | undefined;
  #topicArn = "";

  /** Starts the account; a second time, with the state of the first. */
  async start(): Promise<void> {
    this.#port ||= await getPort();
    this.#account = await startAccount({ port: this.#port, directory: this.#directory });
  }

  async deploy(): Promise<void> {
    const account = this.#running();
    await createFunction(account, "work", work(this.#signals), 120);
    await put(account, bucket, {});
    const roleArn = "arn:aws:iam::000000000000:role/workflow";
    await this.#sfn().send(
      new CreateStateMachineCommand({ name: "Orchard", roleArn, definition: JSON.stringify(workflow) }),
    );
    const sns = new SNSClient(clientConfig(account));
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "mails" }));
    this.#topicArn = TopicArn ?? "";
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint: `${account.endpoint}/_orchard/mail` }));
    await until(
      () => sns.send(new GetTopicAttributesCommand({ TopicArn })),
      ({ Attributes }) => Attributes?.["SubscriptionsConfirmed"] === "1",
    );
  }

  /** The link with the key. */
  get link(): string {
    return this.#running().console;
  }

  async stop(): Promise<void> {
    await this.#account?.stop();
    this.#account = undefined;
  }

  async remove(): Promise<void> {
    await this.stop();
    for (const folder of [this.#directory, this.#signals])
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async run(name: string, input: object = { mode: "mini" }): Promise<void> {
    const stateMachineArn = executionArnPrefix.replace(":execution:", ":stateMachine:").slice(0, -1);
    await this.#sfn().send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }));
  }

  /** Lets the Task of a run end. */
  finish(name: string, outcome: "succeed" | "fail" = "succeed"): void {
    writeFileSync(join(this.#signals, name), outcome);
  }

  async status(name: string): Promise<string | undefined> {
    const command = new DescribeExecutionCommand({ executionArn: `${executionArnPrefix}${name}` });
    return (await this.#sfn().send(command)).status;
  }

  /** Starts a cluster of a run with a step that writes into its log and ends with the run's Task. */
  async createCluster(name: string): Promise<void> {
    const script = `echo '<i>40 images</i>' >&2; until [ -e '${join(this.#signals, name)}' ]; do sleep 0.1; done`;
    const emr = new EMRClient(clientConfig(this.#running()));
    const Tags = [{ Key: executionTag, Value: `${executionArnPrefix}${name}` }];
    await emr.send(
      new RunJobFlowCommand(jobFlow(hostile.slice(0, 60), { Tags, Steps: [bashStep("ExtractFeatures", script)] })),
    );
  }

  /** Writes a file of a run. */
  async write(name: string, file: string, body: string): Promise<void> {
    const s3 = new S3Client({ ...clientConfig(this.#running()), forcePathStyle: true });
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `runs/${name}/${file}`, Body: body }));
  }

  async mail(Subject: string, Message: string): Promise<void> {
    const sns = new SNSClient(clientConfig(this.#running()));
    await sns.send(new PublishCommand({ TopicArn: this.#topicArn, Subject, Message }));
  }

  #sfn(): SFNClient {
    return new SFNClient(clientConfig(this.#running()));
  }

  #running(): Account {
    if (!this.#account) throw new Error("The account has not started");
    return this.#account;
  }
}
