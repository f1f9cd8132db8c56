import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DescribeClusterCommand, EMRClient, ListStepsCommand } from "@aws-sdk/client-emr";
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  RedriveExecutionCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  aws,
  bashStep,
  clientConfig,
  createFunction,
  jobFlow,
  processes,
  type TestAccount,
  testAccount,
  until,
} from "../fixtures.ts";

let account: TestAccount;
let sfn: SFNClient;
let emr: EMRClient;

const probe = `
class ResultsInvalid extends Error { name = "ResultsInvalid"; }
export const handler = async (event, context) => {
  if (event.throw) throw new ResultsInvalid("row count is 299, not 300");
  if (event.hang) await new Promise((resolve) => setTimeout(resolve, 60_000));
  if (event.exit) process.exit(7);
  if (event.bytes) return "x".repeat(event.bytes);
  return { greeting: process.env.GREETING, home: process.env.HOME ?? null, name: context.functionName, event };
};`;

const secondTime = `
import { existsSync, writeFileSync } from "node:fs";
export const handler = async ({ marker, ...event }) => {
  if (existsSync(marker)) return event;
  writeFileSync(marker, "");
  await new Promise((resolve) => setTimeout(resolve, 60_000));
};`;

beforeAll(async () => {
  account = await testAccount(4721);
  sfn = new SFNClient(clientConfig(account.endpoint));
  emr = new EMRClient(clientConfig(account.endpoint));
  await createFunction(account.endpoint, "probe", probe, 2);
  await createFunction(account.endpoint, "second-time", secondTime, 30);
}, 60_000);

afterAll(() => account?.remove(), 60_000);

function invoke(payload: object, more: object = {}) {
  return {
    Type: "Task",
    Resource: "arn:aws:states:::lambda:invoke",
    Parameters: { FunctionName: "probe", Payload: payload },
    TimeoutSeconds: 30,
    End: true,
    ...more,
  };
}

async function machine(name: string, states: Record<string, object>, more: object = {}): Promise<string> {
  const definition = JSON.stringify({ StartAt: Object.keys(states)[0], States: states, ...more });
  const answer = await sfn.send(
    new CreateStateMachineCommand({ name, definition, roleArn: "arn:aws:iam::000000000000:role/workflow" }),
  );
  return answer.stateMachineArn ?? "";
}

function start(stateMachineArn: string, more: object = {}) {
  return sfn.send(new StartExecutionCommand({ stateMachineArn, ...more })).then((answer) => answer.executionArn ?? "");
}

function describeExecution(executionArn: string) {
  return sfn.send(new DescribeExecutionCommand({ executionArn }));
}

function ended(executionArn: string) {
  return until(
    () => describeExecution(executionArn),
    ({ status }) => status !== "RUNNING",
  );
}

async function history(executionArn: string) {
  return (await sfn.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }))).events ?? [];
}

test("the AWS CLI deploys, starts, follows and lists a machine, whose Catch matches the name that the function throws", async () => {
  const definition = join(account.directory, "machine.json");
  const states = {
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
  };
  writeFileSync(definition, JSON.stringify({ StartAt: "Take", States: states }));
  const call = (...args: string[]) => aws(account.endpoint, "stepfunctions", ...args);
  const role = "arn:aws:iam::000000000000:role/workflow";

  const { stateMachineArn } = await call(
    "create-state-machine",
    "--name",
    "cli",
    "--role-arn",
    role,
    "--definition",
    `file://${definition}`,
  );
  const { executionArn } = await call(
    "start-execution",
    "--state-machine-arn",
    stateMachineArn,
    "--name",
    "first",
    "--input",
    '{"mode":"mini"}',
  );
  await ended(executionArn);
  const described = await call("describe-execution", "--execution-arn", executionArn);
  const { events } = await call("get-execution-history", "--execution-arn", executionArn);
  const listed = await call("list-executions", "--state-machine-arn", stateMachineArn, "--status-filter", "FAILED");
  const none = await call("list-executions", "--state-machine-arn", stateMachineArn, "--status-filter", "SUCCEEDED");

  expect(executionArn).toBe("arn:aws:states:eu-central-1:000000000000:execution:cli:first");
  expect(described).toMatchObject({ status: "FAILED", error: "ResultsInvalid", input: '{"mode":"mini"}' });
  expect(JSON.parse(described.cause)).toMatchObject({
    errorType: "ResultsInvalid",
    errorMessage: "row count is 299, not 300",
    trace: expect.any(Array),
  });
  expect(events.map((event: { type: string }) => event.type)).toEqual([
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
  expect(events.map((event: { id: number }) => event.id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(JSON.parse(events[2].stateExitedEventDetails.output)).toEqual({ input: { mode: "mini" }, name: "first" });
  expect(events[4].taskScheduledEventDetails).toMatchObject({ resourceType: "lambda", resource: "invoke" });
  expect(listed.executions).toHaveLength(1);
  expect(none.executions).toHaveLength(0);
}, 60_000);

test("a function sees its own environment, and its answer comes with AWS's envelope", async () => {
  const arn = await machine("answer", { Ask: invoke({ question: 1 }) });

  const { status, output } = await ended(await start(arn));

  expect(status).toBe("SUCCEEDED");
  expect(JSON.parse(output ?? "")).toMatchObject({
    StatusCode: 200,
    ExecutedVersion: "$LATEST",
    Payload: { greeting: "hello", home: null, name: "probe", event: { question: 1 } },
  });
});

test.each([
  ["hang", "Sandbox.Timedout"],
  ["exit", "Runtime.ExitError"],
])("a function that does not answer (%s) fails the task with %s", async (payload, error) => {
  const arn = await machine(`silent-${payload}`, { Ask: invoke({ [payload]: true }) });

  const execution = await ended(await start(arn));

  expect(execution).toMatchObject({ status: "FAILED", error });
});

test.each([
  [{}, 30, "Succeeded", { output: expect.stringContaining("hello") }],
  [{ throw: true }, 30, "Failed", { error: "ResultsInvalid", cause: expect.stringContaining("299") }],
  [{ hang: true }, 1, "TimedOut", { error: "States.Timeout" }],
])("the events of a Task that is a function are the function's: %j", async (input, TimeoutSeconds, kind, details) => {
  const resource = "arn:aws:lambda:eu-central-1:000000000000:function:probe";
  const arn = await machine(`function-${kind}`, {
    Ask: { Type: "Task", Resource: resource, TimeoutSeconds, End: true },
  });
  const executionArn = await start(arn, { input: JSON.stringify(input) });
  await ended(executionArn);

  const [scheduled, started, over] = (await history(executionArn)).slice(2);

  expect(scheduled).toMatchObject({
    type: "LambdaFunctionScheduled",
    lambdaFunctionScheduledEventDetails: { resource, input: JSON.stringify(input), timeoutInSeconds: TimeoutSeconds },
  });
  expect(started?.type).toBe("LambdaFunctionStarted");
  expect(over).toMatchObject({ type: `LambdaFunction${kind}`, [`lambdaFunction${kind}EventDetails`]: details });
});

test("the type of an SDK integration is all before its operation", async () => {
  const Resource = "arn:aws:states:::aws-sdk:emr:putManagedScalingPolicy";
  const executionArn = await start(
    await machine("sdk", { Put: { Type: "Task", Resource, Parameters: {}, End: true } }),
  );
  await ended(executionArn);

  const scheduled = (await history(executionArn)).find(({ type }) => type === "TaskScheduled");

  expect(scheduled?.taskScheduledEventDetails).toMatchObject({
    resourceType: "aws-sdk:emr",
    resource: "putManagedScalingPolicy",
  });
});

test("history pages forwards and backwards", async () => {
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

test("StartExecution refuses what AWS refuses, and is idempotent for a running execution of the same name and input", async () => {
  const arn = await machine("starts", { Rest: { Type: "Wait", Seconds: 20, End: true } });
  const executionArn = await start(arn, { name: "same", input: "{}" });

  const again = await start(arn, { name: "same", input: "{}" });

  expect(again).toBe(executionArn);
  await expect(start(arn, { name: "same", input: '{"other":1}' })).rejects.toThrow(/Execution Already Exists/);
  await expect(start(arn, { name: "a name" })).rejects.toMatchObject({ name: "InvalidName" });
  await expect(start(arn, { input: "{" })).rejects.toMatchObject({ name: "InvalidExecutionInput" });
  await expect(start(arn, { input: JSON.stringify("é".repeat(131_072)) })).rejects.toThrow(/262144/);
  await expect(start(`${arn}x`)).rejects.toMatchObject({ name: "StateMachineDoesNotExist" });
  await expect(describeExecution(`${executionArn}x`)).rejects.toMatchObject({ name: "ExecutionDoesNotExist" });
  await sfn.send(new StopExecutionCommand({ executionArn, error: "Person", cause: "enough" }));
  expect(await describeExecution(executionArn)).toMatchObject({ status: "ABORTED", error: "Person", cause: "enough" });
  await expect(start(arn, { name: "same", input: "{}" })).rejects.toMatchObject({ name: "ExecutionAlreadyExists" });
});

test("more than 256 KiB of state data ends the execution, past any Catch", async () => {
  const anything = { Catch: [{ ErrorEquals: ["States.ALL"], Next: "Caught" }] };
  const arn = await machine("large", {
    Ask: invoke({ bytes: 262_144 }, { End: undefined, Next: "Caught", ...anything }),
    Caught: { Type: "Succeed" },
  });

  const execution = await ended(await start(arn));

  expect(execution).toMatchObject({ status: "FAILED", error: "States.DataLimitExceeded" });
});

test("what the account does not serve is States.Runtime, which ends the execution past any Catch", async () => {
  const publish = { Type: "Task", Resource: "arn:aws:states:::sns:publish", Parameters: {} };
  const arn = await machine("unserved", {
    Tell: { ...publish, Catch: [{ ErrorEquals: ["States.ALL"], Next: "Caught" }], Next: "Caught" },
    Caught: { Type: "Succeed" },
  });

  const execution = await ended(await start(arn));

  expect(execution).toMatchObject({ status: "FAILED", error: "States.Runtime" });
});

test("a definition that cannot run is refused, and no execution of it is left", async () => {
  const arn = await machine("invalid", { Take: { Type: "Pass", Next: "Nowhere" } });

  await expect(start(arn, { name: "never" })).rejects.toMatchObject({ name: "ValidationException" });

  const executionArn = `${arn.replace(":stateMachine:", ":execution:")}:never`;
  await expect(describeExecution(executionArn)).rejects.toMatchObject({ name: "ExecutionDoesNotExist" });
});

test("a time-out of more days than a timer holds is not at once over", async () => {
  const arn = await machine("patient", { Rest: { Type: "Wait", Seconds: 1, End: true } }, { TimeoutSeconds: 3e6 });

  expect(await ended(await start(arn))).toMatchObject({ status: "SUCCEEDED" });
});

test("an execution whose record cannot be written ends all the same, and the account lives on", async () => {
  const arn = await machine("unwritable", { Rest: { Type: "Wait", Seconds: 1, End: true } });
  const executionArn = await start(arn, { name: "full" });
  mkdirSync(join(account.directory, "executions/unwritable/full.json.new"));

  const execution = await ended(executionArn);

  expect(execution.status).toBe("SUCCEEDED");
  expect(await history(executionArn)).not.toEqual([]);
});

test("an execution past its TimeoutSeconds is TIMED_OUT, and the status changes arrive on EventBridge", async () => {
  const events = new EventBridgeClient(clientConfig(account.endpoint));
  // The CLI prefers its own table of SQS endpoints to AWS_ENDPOINT_URL.
  const sqs = (...args: string[]) => aws(account.endpoint, "--endpoint-url", account.endpoint, "sqs", ...args);
  const queue = await sqs("create-queue", "--queue-name", "changes");
  const pattern = { source: ["aws.states"], "detail-type": ["Step Functions Execution Status Change"] };
  await events.send(new PutRuleCommand({ Name: "changes", EventPattern: JSON.stringify(pattern) }));
  const target = { Id: "queue", Arn: "arn:aws:sqs:eu-central-1:000000000000:changes" };
  await events.send(new PutTargetsCommand({ Rule: "changes", Targets: [target] }));
  const arn = await machine("late", { Rest: { Type: "Wait", Seconds: 30, End: true } }, { TimeoutSeconds: 1 });

  const executionArn = await start(arn, { name: "late" });
  const execution = await ended(executionArn);

  expect(execution).toMatchObject({ status: "TIMED_OUT", error: "States.Timeout" });
  const received = await until(
    () => sqs("receive-message", "--queue-url", queue.QueueUrl, "--max-number-of-messages", "10"),
    (answer) => answer.Messages?.length >= 2,
  );
  const details = received.Messages.map((message: { Body: string }) => JSON.parse(message.Body).detail);
  expect(details.map((detail: { status: string }) => detail.status).sort()).toEqual(["RUNNING", "TIMED_OUT"]);
  expect(details[0]).toMatchObject({ executionArn, stateMachineArn: arn, name: "late", startDate: expect.any(Number) });
}, 60_000);

const cluster = {
  Type: "Task",
  Resource: "arn:aws:states:::elasticmapreduce:createCluster.sync",
  Parameters: jobFlow("from-a-machine"),
  ResultSelector: { "id.$": "$.ClusterId", "same.$": "$.Cluster.Id" },
  ResultPath: "$.cluster",
};

function step(script: string, more: object = {}) {
  return {
    Type: "Task",
    Resource: "arn:aws:states:::elasticmapreduce:addStep.sync",
    Parameters: { "ClusterId.$": "$.cluster.id", Step: bashStep("work", script) },
    ...more,
  };
}

const terminate = {
  Type: "Task",
  Resource: "arn:aws:states:::elasticmapreduce:terminateCluster.sync",
  Parameters: { "ClusterId.$": "$.cluster.id" },
  ResultPath: null,
};

test("a step that fails is States.TaskFailed with its description as Cause, and the clean-up waits for the cluster's end", async () => {
  const arn = await machine("teardown", {
    Create: { ...cluster, Next: "Good" },
    Good: step("exit 0", { ResultSelector: { "id.$": "$.StepId" }, ResultPath: "$.step", Next: "Bad" }),
    Bad: step("echo 'orchard: error: no rows' >&2; exit 3", {
      Catch: [{ ErrorEquals: ["States.TaskFailed"], ResultPath: "$.error", Next: "Terminate" }],
      End: true,
    }),
    Terminate: { ...terminate, End: true },
  });

  const { status, output, executionArn } = await ended(await start(arn));

  const { cluster: made, step: good, error } = JSON.parse(output ?? "{}");
  const cause = JSON.parse(error.Cause);
  expect(status).toBe("SUCCEEDED");
  expect(made.same).toBe(made.id);
  expect(good.id).toMatch(/^s-/);
  expect(cause).toMatchObject({
    ClusterId: made.id,
    Step: { Status: { State: "FAILED", FailureDetails: { Message: "orchard: error: no rows" } } },
  });
  const { Cluster } = await emr.send(new DescribeClusterCommand({ ClusterId: made.id }));
  expect(Cluster?.Status?.State).toBe("TERMINATED");
  const types = (await history(executionArn ?? "")).map(({ type }) => type);
  expect(types.filter((type) => type === "TaskSubmitted")).toHaveLength(4);
  expect(types).not.toContain("TaskSubmitFailed");
});

test("what the SDK's integration of EMR refuses has the Java SDK's name", async () => {
  const Resource = "arn:aws:states:::aws-sdk:emr:putManagedScalingPolicy";
  const Limits = { UnitType: "Instances", MinimumCapacityUnits: 1, MaximumCapacityUnits: 2 };
  const Parameters = { ClusterId: "j-NONE", ManagedScalingPolicy: { ComputeLimits: Limits } };
  const arn = await machine("refused-scaling", { Scale: { Type: "Task", Resource, Parameters, End: true } });

  const execution = await ended(await start(arn));

  expect(execution.error).toBe("Emr.EmrException");
});

test("a refused RunJobFlow is EMR.AmazonElasticMapReduceException with AWS's wording", async () => {
  const refused = { ...cluster, Parameters: jobFlow("refused", { ReleaseLabel: "emr-99.0.0" }), End: true };
  const arn = await machine("refused", { Create: refused });

  const execution = await ended(await start(arn));

  expect(execution.error).toBe("EMR.AmazonElasticMapReduceException");
  expect(execution.cause).toMatch(
    /^The supplied release label is invalid: emr-99\.0\.0\. \(Service: AmazonElasticMapReduce; Status Code: 400; Error Code: ValidationException; Request ID: /,
  );
});

test("stopping an execution cancels its running step and leaves no process of it", async () => {
  const arn = await machine("stopped", {
    Create: { ...cluster, Next: "Sleep" },
    Sleep: step("sleep 4711.1 & sleep 4711.2", { End: true }),
  });
  const executionArn = await start(arn);
  await until(
    async () => processes("sleep 4711."),
    (found) => found.length >= 2,
  );

  await aws(
    account.endpoint,
    "stepfunctions",
    "stop-execution",
    "--execution-arn",
    executionArn,
    "--cause",
    "a person",
  );

  expect(await describeExecution(executionArn)).toMatchObject({ status: "ABORTED", cause: "a person" });
  await until(
    async () => processes("sleep 4711."),
    (found) => found.length === 0,
  );
  const submitted = (await history(executionArn)).find(({ type }) => type === "TaskSubmitted");
  const { ClusterId } = JSON.parse(submitted?.taskSubmittedEventDetails?.output ?? "{}");
  const steps = await until(
    () => emr.send(new ListStepsCommand({ ClusterId })),
    ({ Steps }) => Steps?.[0]?.Status?.State !== "RUNNING",
  );
  expect(steps.Steps?.[0]?.Status?.State).toBe("CANCELLED");
});

test("a step past its state's TimeoutSeconds is States.Timeout, is no States.TaskFailed, and is cancelled", async () => {
  const arn = await machine("slow", {
    Create: { ...cluster, Next: "Sleep" },
    Sleep: step("sleep 4712.1", {
      TimeoutSeconds: 1,
      Catch: [
        { ErrorEquals: ["States.TaskFailed"], Next: "Wrong" },
        { ErrorEquals: ["States.Timeout"], ResultPath: "$.error", Next: "Terminate" },
      ],
      End: true,
    }),
    Wrong: { Type: "Fail" },
    Terminate: { ...terminate, End: true },
  });

  const { status, executionArn } = await ended(await start(arn));

  expect(status).toBe("SUCCEEDED");
  expect((await history(executionArn ?? "")).map(({ type }) => type)).toContain("TaskTimedOut");
  expect(processes("sleep 4712.")).toEqual([]);
});

function redrive(executionArn: string, more: object = {}) {
  return sfn.send(new RedriveExecutionCommand({ executionArn, ...more }));
}

test("a redriven failure re-enters its Fail state and fails again in the same way", async () => {
  const arn = await machine("redriven-failure", {
    Ask: invoke(
      { throw: true },
      { End: undefined, Next: "Done", Catch: [{ ErrorEquals: ["States.ALL"], Next: "No" }] },
    ),
    No: { Type: "Fail", ErrorPath: "$.Error", CausePath: "$.Cause" },
    Done: { Type: "Succeed" },
  });
  const executionArn = await start(arn);
  const first = await ended(executionArn);

  const { redriveDate } = await aws(
    account.endpoint,
    "stepfunctions",
    "redrive-execution",
    "--execution-arn",
    executionArn,
  );

  const second = await ended(executionArn);
  expect(first).toMatchObject({ status: "FAILED", redriveCount: 0, redriveStatus: "REDRIVABLE" });
  expect(second).toMatchObject({ ...first, $metadata: expect.anything(), redriveCount: 1, stopDate: expect.any(Date) });
  expect(second.redriveDate?.getTime()).toBe(Math.round(redriveDate * 1000));
  const events = await history(executionArn);
  expect(events.slice(-4).map(({ type, id, previousEventId }) => ({ type, id, previousEventId }))).toEqual([
    { type: "ExecutionFailed", id: 8, previousEventId: 7 },
    { type: "ExecutionRedriven", id: 9, previousEventId: 8 },
    { type: "FailStateEntered", id: 10, previousEventId: 9 },
    { type: "ExecutionFailed", id: 11, previousEventId: 10 },
  ]);
  expect(events[8]?.executionRedrivenEventDetails).toEqual({ redriveCount: 1 });
});

test.each(["ABORTED", "TIMED_OUT"] as const)(
  "a redrive of an execution that was %s goes on at its state, with that state's input and a fresh time-out",
  async (status) => {
    const marker = join(account.directory, status);
    const states = {
      Take: {
        Type: "Pass",
        Parameters: { "marker.$": "$.marker", "startTime.$": "$$.Execution.StartTime" },
        Next: "Ask",
      },
      Ask: {
        Type: "Task",
        Resource: "arn:aws:states:::lambda:invoke",
        Parameters: {
          FunctionName: "second-time",
          Payload: {
            "marker.$": "$.marker",
            "startTime.$": "$$.Execution.StartTime",
            "count.$": "$$.Execution.RedriveCount",
          },
        },
        ResultSelector: { "answer.$": "$.Payload" },
        ResultPath: "$.asked",
        End: true,
      },
    };
    const arn = await machine(`redriven-${status}`, states, { TimeoutSeconds: 5 });
    const executionArn = await start(arn, { input: JSON.stringify({ marker }) });
    await until(async () => existsSync(marker), Boolean);
    if (status === "ABORTED") await sfn.send(new StopExecutionCommand({ executionArn }));
    const first = await ended(executionArn);

    await redrive(executionArn);

    const running = await describeExecution(executionArn);
    const second = await ended(executionArn);
    expect(first).toMatchObject({ status, redriveStatus: "REDRIVABLE" });
    expect(running).toMatchObject({ status: "RUNNING", redriveCount: 1, redriveStatus: "NOT_REDRIVABLE" });
    expect(running.stopDate).toBeUndefined();
    expect(running.error).toBeUndefined();
    expect(second).toMatchObject({ status: "SUCCEEDED", startDate: first.startDate, redriveCount: 1 });
    const { startTime, asked } = JSON.parse(second.output ?? "");
    expect(asked.answer).toEqual({ startTime, count: 1 });
    expect(startTime).toBe(first.startDate?.toISOString());
    const types = (await history(executionArn)).map(({ type }) => type);
    expect(types.slice(types.indexOf("ExecutionRedriven"))).toEqual([
      "ExecutionRedriven",
      "TaskScheduled",
      "TaskStarted",
      "TaskSucceeded",
      "TaskStateExited",
      "ExecutionSucceeded",
    ]);
    expect(types.filter((type) => type === "PassStateEntered")).toHaveLength(1);
  },
  60_000,
);

test("a redrive is refused while the execution runs and when it has succeeded, and a token's redrive happens once", async () => {
  const arn = await machine("redrives", { Rest: { Type: "Wait", SecondsPath: "$.seconds", End: true } });
  const long = await start(arn, { input: '{"seconds":600}' });
  const short = await start(arn, { input: '{"seconds":0}' });
  await ended(short);

  await expect(redrive(long)).rejects.toMatchObject({ name: "ExecutionNotRedrivable" });
  await expect(redrive(short)).rejects.toMatchObject({ name: "ExecutionNotRedrivable" });
  await expect(redrive(`${short}x`)).rejects.toMatchObject({ name: "ExecutionDoesNotExist" });

  await sfn.send(new StopExecutionCommand({ executionArn: long }));
  const once = await redrive(long, { clientToken: "once" });
  const again = await redrive(long, { clientToken: "once" });

  expect(again.redriveDate).toEqual(once.redriveDate);
  expect(await describeExecution(long)).toMatchObject({ status: "RUNNING", redriveCount: 1 });
  await sfn.send(new StopExecutionCommand({ executionArn: long }));
});
