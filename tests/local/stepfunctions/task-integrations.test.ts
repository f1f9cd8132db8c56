import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DescribeClusterCommand, EMRClient, ListStepsCommand } from "@aws-sdk/client-emr";
import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { beforeAll, expect, test } from "vitest";
import { quoteForShell } from "../../../shared/shell-quotes.ts";
import { bashStep, clientConfig, jobFlow, processes, throttle, until } from "../account-fixtures.ts";
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

let emr: EMRClient;

beforeAll(() => {
  emr = new EMRClient(clientConfig(account));
});

test("a function sees only its own environment, and its answer has AWS's envelope", async () => {
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
  ["hanging", "Sandbox.Timedout"],
  ["probe", "Runtime.ExitError"],
])("a function that does not return (%s) fails the task with %s", async (name, error) => {
  const arn = await machine(`silent-${name}`, { Ask: invoke({ exit: true }, {}, name) });

  const execution = await ended(await start(arn));

  expect(execution).toMatchObject({ status: "FAILED", error });
});

test.each([
  [{}, 60, "Succeeded", { output: expect.stringContaining("hello") }],
  [{ throw: true }, 60, "Failed", { error: "ResultsInvalid", cause: expect.stringContaining("299") }],
  [{ hang: true }, 1, "TimedOut", { error: "States.Timeout" }],
])(
  "a Task whose resource is a function has LambdaFunction events: %j",
  async (input, TimeoutSeconds, kind, details) => {
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
  },
);

test("an SDK integration's resource type is the part before its operation", async () => {
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

test("more than 256 KiB of state data fails the execution in spite of a Catch", async () => {
  const anything = { Catch: [{ ErrorEquals: ["States.ALL"], Next: "Caught" }] };
  const arn = await machine("large", {
    Ask: invoke({ bytes: 262_144 }, { End: undefined, Next: "Caught", ...anything }),
    Caught: { Type: "Succeed" },
  });

  const execution = await ended(await start(arn));

  expect(execution).toMatchObject({ status: "FAILED", error: "States.DataLimitExceeded" });
});

test("a resource that the account does not serve fails the execution with States.Runtime in spite of a Catch", async () => {
  const publish = { Type: "Task", Resource: "arn:aws:states:::sns:publish", Parameters: {} };
  const arn = await machine("unserved", {
    Tell: { ...publish, Catch: [{ ErrorEquals: ["States.ALL"], Next: "Caught" }], Next: "Caught" },
    Caught: { Type: "Succeed" },
  });

  const execution = await ended(await start(arn));

  expect(execution).toMatchObject({ status: "FAILED", error: "States.Runtime" });
});

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

/** Waits until EMR has accepted the first job of an execution. @returns the job's ids */
async function submitted(executionArn: string): Promise<{ readonly ClusterId: string }> {
  const events = await until(
    () => history(executionArn),
    (found) => found.some(({ type }) => type === "TaskSubmitted"),
  );
  const event = events.find(({ type }) => type === "TaskSubmitted");
  return JSON.parse(event?.taskSubmittedEventDetails?.output ?? "{}");
}

const terminate = {
  Type: "Task",
  Resource: "arn:aws:states:::elasticmapreduce:terminateCluster.sync",
  Parameters: { "ClusterId.$": "$.cluster.id" },
  ResultPath: null,
};

test("a failed step raises States.TaskFailed with its description as Cause, and terminateCluster.sync waits for the cluster's end", async () => {
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

test("an error of the SDK integration of EMR has the Java SDK's name", async () => {
  const Resource = "arn:aws:states:::aws-sdk:emr:putManagedScalingPolicy";
  const Limits = { UnitType: "Instances", MinimumCapacityUnits: 1, MaximumCapacityUnits: 2 };
  const Parameters = { ClusterId: "j-NONE", ManagedScalingPolicy: { ComputeLimits: Limits } };
  const arn = await machine("refused-scaling", { Scale: { Type: "Task", Resource, Parameters, End: true } });

  const execution = await ended(await start(arn));

  expect(execution.error).toBe("Emr.EmrException");
});

test("a refused RunJobFlow raises EMR.AmazonElasticMapReduceException with AWS's wording", async () => {
  const refused = { ...cluster, Parameters: jobFlow("refused", { ReleaseLabel: "emr-99.0.0" }), End: true };
  const arn = await machine("refused", { Create: refused });

  const execution = await ended(await start(arn));

  expect(execution.error).toBe("EMR.AmazonElasticMapReduceException");
  expect(execution.cause).toMatch(
    /^The supplied release label is invalid: emr-99\.0\.0\. \(Service: AmazonElasticMapReduce; Status Code: 400; Error Code: ValidationException; Request ID: /,
  );
});

test("a throttled poll after the step was added makes the state's Retry add a second step", async () => {
  const marker = join(account.directory, "go-on");
  const retry = [{ ErrorEquals: ["EMR.AmazonElasticMapReduceException"], IntervalSeconds: 1, MaxAttempts: 1 }];
  const work = `until [ -e ${quoteForShell(marker)} ]; do sleep 0.1; done`;
  const arn = await machine("throttled", {
    Create: { ...cluster, Next: "Work" },
    Work: step(work, { Retry: retry, ResultPath: "$.step", Next: "Terminate" }),
    Terminate: { ...terminate, End: true },
  });
  const executionArn = await start(arn);
  const { ClusterId } = await submitted(executionArn);
  const steps = async () => (await emr.send(new ListStepsCommand({ ClusterId }))).Steps ?? [];

  await throttle(account, "DescribeStep", ClusterId);

  await until(steps, ({ length }) => length === 2);
  writeFileSync(marker, "");
  const { status, output } = await ended(executionArn);
  expect(status).toBe("SUCCEEDED");
  const [second, first] = await steps();
  expect([first, second].map((one) => one?.Status?.State)).toEqual(["COMPLETED", "COMPLETED"]);
  expect(JSON.parse(output ?? "{}").step.StepId).toBe(second?.Id);
});

test("StopExecution cancels the running step and ends its processes", async () => {
  const arn = await machine("stopped", {
    Create: { ...cluster, Next: "Sleep" },
    Sleep: step("sleep 4711.1 & sleep 4711.2", { End: true }),
  });
  const executionArn = await start(arn);
  await until(
    async () => processes("sleep 4711."),
    (found) => found.length >= 2,
  );

  await sfn.send(new StopExecutionCommand({ executionArn, cause: "a person" }));

  expect(await describeExecution(executionArn)).toMatchObject({ status: "ABORTED", cause: "a person" });
  await until(
    async () => processes("sleep 4711."),
    (found) => found.length === 0,
  );
  const { ClusterId } = await submitted(executionArn);
  const steps = await until(
    () => emr.send(new ListStepsCommand({ ClusterId })),
    ({ Steps }) => Steps?.[0]?.Status?.State !== "RUNNING",
  );
  expect(steps.Steps?.[0]?.Status?.State).toBe("CANCELLED");
});

test.each([
  ["TimeoutSeconds", { TimeoutSeconds: 1 }],
  [
    "TimeoutSecondsPath, which selects from the state's input and not from Parameters",
    { TimeoutSecondsPath: "$.limit" },
  ],
])("a step that exceeds its state's %s raises States.Timeout and is cancelled", async (name, timeout) => {
  const arn = await machine(`slow-${name.split(",")[0]}`, {
    Create: { ...cluster, Next: "Sleep" },
    Sleep: step("sleep 4712.1", {
      ...timeout,
      Catch: [
        { ErrorEquals: ["States.TaskFailed"], Next: "Wrong" },
        { ErrorEquals: ["States.Timeout"], ResultPath: "$.error", Next: "Terminate" },
      ],
      End: true,
    }),
    Wrong: { Type: "Fail" },
    Terminate: { ...terminate, End: true },
  });

  const { status, executionArn } = await ended(await start(arn, { input: JSON.stringify({ limit: 1 }) }));

  expect(status).toBe("SUCCEEDED");
  expect((await history(executionArn ?? "")).map(({ type }) => type)).toContain("TaskTimedOut");
  expect(processes("sleep 4712.")).toEqual([]);
});
