import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { GetExecutionHistoryCommand, ListExecutionsCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { expect, test } from "vitest";
import { clientConfig, until } from "../account-fixtures.ts";
import {
  account,
  describeExecution,
  ended,
  history,
  invoke,
  machine,
  sfn,
  start,
  useStateMachines,
} from "./state-machine-fixtures.ts";

useStateMachines();

test("an execution is started, described and listed, and has a history; Catch matches the thrown error's name", async () => {
  const stateMachineArn = await machine("caught", {
    Take: { Type: "Pass", Parameters: { "input.$": "$", "name.$": "$$.Execution.Name" }, Next: "Check" },
    Check: invoke(
      { throw: true },
      {
        End: undefined,
        Next: "Done",
        Catch: [{ ErrorEquals: ["ResultsInvalid"], ResultPath: "$.error", Next: "Refused" }],
      },
    ),
    Refused: { Type: "Fail", ErrorPath: "$.error.Error", CausePath: "$.error.Cause" },
    Done: { Type: "Succeed" },
  });

  const executionArn = await start(stateMachineArn, { name: "first", input: '{"mode":"mini"}' });
  const described = await ended(executionArn);
  const events = await history(executionArn);
  const listed = await sfn.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: "FAILED" }));
  const none = await sfn.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: "SUCCEEDED" }));

  expect(executionArn).toBe("arn:aws:states:eu-central-1:000000000000:execution:caught:first");
  expect(described).toMatchObject({ status: "FAILED", error: "ResultsInvalid", input: '{"mode":"mini"}' });
  expect(JSON.parse(described.cause ?? "")).toMatchObject({
    errorType: "ResultsInvalid",
    errorMessage: "row count is 299, not 300",
    trace: expect.any(Array),
  });
  expect(events.map(({ type }) => type)).toEqual([
    "ExecutionStarted",
    "PassStateEntered",
    "PassStateExited",
    "TaskStateEntered",
    "TaskScheduled",
    "TaskStarted",
    "TaskFailed",
    "TaskStateExited",
    "FailStateEntered",
    "ExecutionFailed",
  ]);
  expect(events.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(JSON.parse(events[2]?.stateExitedEventDetails?.output ?? "")).toEqual({
    input: { mode: "mini" },
    name: "first",
  });
  expect(events[4]?.taskScheduledEventDetails).toMatchObject({ resourceType: "lambda", resource: "invoke" });
  expect(listed.executions).toHaveLength(1);
  expect(none.executions).toHaveLength(0);
});

test("GetExecutionHistory returns pages in both orders", async () => {
  const arn = await machine("pages", { One: { Type: "Pass", Next: "Two" }, Two: { Type: "Succeed" } });
  const executionArn = await start(arn);
  await ended(executionArn);

  const first = await sfn.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 4 }));
  const second = await sfn.send(
    new GetExecutionHistoryCommand({ executionArn, maxResults: 4, nextToken: first.nextToken }),
  );
  const last = await sfn.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1, reverseOrder: true }));

  expect([...(first.events ?? []), ...(second.events ?? [])].map(({ type }) => type)).toEqual([
    "ExecutionStarted",
    "PassStateEntered",
    "PassStateExited",
    "SucceedStateEntered",
    "SucceedStateExited",
    "ExecutionSucceeded",
  ]);
  expect(second.nextToken).toBeUndefined();
  expect(last.events?.[0]?.type).toBe("ExecutionSucceeded");
});

test("StartExecution refuses invalid requests and is idempotent for a running execution of the same name and input", async () => {
  const arn = await machine("starts", { Rest: { Type: "Wait", Seconds: 20, End: true } });
  const executionArn = await start(arn, { name: "same", input: "{}" });

  const again = await start(arn, { name: "same", input: "{}" });

  expect(again).toBe(executionArn);
  await expect(start(arn, { name: "same", input: '{"other":1}' })).rejects.toThrow(/Execution Already Exists/);
  await expect(start(arn, { name: "a name" })).rejects.toMatchObject({ name: "InvalidName" });
  await expect(start(arn, { input: "{" })).rejects.toMatchObject({ name: "InvalidExecutionInput" });
  await expect(start(arn, { input: JSON.stringify("é".repeat(131_072)) })).rejects.toThrow(/262144/);
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  await expect(start(arn, { input: deep })).rejects.toMatchObject({ name: "InvalidExecutionInput" });
  await expect(start(`${arn}x`)).rejects.toMatchObject({ name: "StateMachineDoesNotExist" });
  await expect(describeExecution(`${executionArn}x`)).rejects.toMatchObject({ name: "ExecutionDoesNotExist" });
  await sfn.send(new StopExecutionCommand({ executionArn, error: "Person", cause: "enough" }));
  expect(await describeExecution(executionArn)).toMatchObject({ status: "ABORTED", error: "Person", cause: "enough" });
  await expect(start(arn, { name: "same", input: "{}" })).rejects.toMatchObject({ name: "ExecutionAlreadyExists" });
});

test("StartExecution refuses an invalid definition and leaves no execution", async () => {
  const arn = await machine("invalid", { Take: { Type: "Pass", Next: "Nowhere" } });

  await expect(start(arn, { name: "never" })).rejects.toMatchObject({ name: "ValidationException" });

  const executionArn = `${arn.replace(":stateMachine:", ":execution:")}:never`;
  await expect(describeExecution(executionArn)).rejects.toMatchObject({ name: "ExecutionDoesNotExist" });
});

test("a TimeoutSeconds longer than the longest timer does not end the execution at once", async () => {
  const arn = await machine("patient", { Rest: { Type: "Wait", Seconds: 1, End: true } }, { TimeoutSeconds: 3e6 });

  expect(await ended(await start(arn))).toMatchObject({ status: "SUCCEEDED" });
});

test("an execution ends even when its record cannot be written", async () => {
  const arn = await machine("unwritable", { Rest: { Type: "Wait", Seconds: 1, End: true } });
  const executionArn = await start(arn, { name: "full" });
  mkdirSync(join(account.directory, "executions/unwritable/full.json.new"));

  const execution = await ended(executionArn);

  expect(execution.status).toBe("SUCCEEDED");
  expect(await history(executionArn)).not.toEqual([]);
});

test("an execution that exceeds its TimeoutSeconds is TIMED_OUT, and EventBridge receives the status changes", async () => {
  const events = new EventBridgeClient(clientConfig(account));
  const sqs = new SQSClient({ ...clientConfig(account), useQueueUrlAsEndpoint: false });
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "changes" }));
  const pattern = { source: ["aws.states"], "detail-type": ["Step Functions Execution Status Change"] };
  await events.send(new PutRuleCommand({ Name: "changes", EventPattern: JSON.stringify(pattern) }));
  const target = { Id: "queue", Arn: "arn:aws:sqs:eu-central-1:000000000000:changes" };
  await events.send(new PutTargetsCommand({ Rule: "changes", Targets: [target] }));
  const arn = await machine("late", { Rest: { Type: "Wait", Seconds: 30, End: true } }, { TimeoutSeconds: 1 });

  const executionArn = await start(arn, { name: "late" });
  const execution = await ended(executionArn);

  expect(execution).toMatchObject({ status: "TIMED_OUT", error: "States.Timeout" });
  const received = await until(
    () => sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 })),
    ({ Messages = [] }) => Messages.length >= 2,
  );
  const details = received.Messages?.map(({ Body = "" }) => JSON.parse(Body).detail) ?? [];
  expect(details.map(({ status }) => status).sort()).toEqual(["RUNNING", "TIMED_OUT"]);
  expect(details[0]).toMatchObject({ executionArn, stateMachineArn: arn, name: "late", startDate: expect.any(Number) });
});
