import { beforeEach, expect, test } from "vitest";
import { emrClient } from "../../doubles/emr.ts";
import { anExecution, aPlan, aValidation } from "../fixtures.ts";
import {
  bucket,
  completedStep,
  diagnose,
  inCreation,
  LogBucket,
  onCluster,
  stepError,
  thrown,
  timeout,
} from "./failed-run.ts";

let logs: LogBucket;
beforeEach(() => {
  logs = new LogBucket();
});

// Errors of functions

test("a function's message is the cause, in one line", async () => {
  const error = thrown("InvalidInput", "Two problems:\n- a\n- b");

  expect(await diagnose(logs, { error })).toEqual({
    cause: "Two problems: a; b",
    state: "Preflight",
    log: null,
    excerpt: [],
    section: "the-run-is-refused-before-it-starts",
    cost: null,
    cluster: null,
    remedy: null,
  });
});

test.each([0, 1, 2, 3, 4, 5, 6])("a function's message is read from an error that was cut: %i", async (cut) => {
  const Cause = JSON.stringify({
    errorType: "InvalidInput",
    errorMessage: `a "b" é${"\u0001".repeat(5_000)}`,
    trace: ["x"],
  });

  const { cause } = await diagnose(logs, { error: { Error: "InvalidInput", Cause: Cause.slice(0, 20_000 - cut) } });

  expect(cause).toBe('a "b" é');
});

test("without an input in the state data, TakeInput has refused it", async () => {
  const message = "The input is refused: it has 262,144 bytes";

  expect(await diagnose(logs, { input: undefined, error: thrown("InvalidInput", message) })).toMatchObject({
    cause: message,
    section: "the-run-is-refused-before-it-starts",
    state: "TakeInput",
  });
});

test("an execution that waited too long for its turn was refused by TakeTurn", async () => {
  const message = "arn:other has been running since 2026-01-01T00:00:00Z";
  const error = thrown("OtherExecutionRunning", message);
  const input = { overlap: "queue" };

  expect(await diagnose(logs, { input, error })).toMatchObject({
    cause: message,
    section: "the-run-is-refused-before-it-starts",
    state: "TakeTurn",
  });
  const turn = { isOurs: true, inTheWay: null };
  expect(await diagnose(logs, { input, turn, error })).toMatchObject({ state: "Preflight" });
});

test("an unknown key is a refusal, although the message lists the known key maxCostUsd", async () => {
  const message = 'The input is refused: unknown key "forse". Known keys: mode, force, maxCostUsd';

  expect(await diagnose(logs, { error: thrown("InvalidInput", message) })).toMatchObject({
    section: "the-run-is-refused-before-it-starts",
  });
});

test("a plan above maxCostUsd is about costs", async () => {
  const message = "The input is refused: maxCostUsd: the plan is estimated at 30 USD, the ceiling is 20 USD";

  expect(await diagnose(logs, { error: thrown("InvalidInput", message) })).toMatchObject({ section: "costs-too-high" });
});

test.each([
  ["Runtime.ExitError", "RequestId: 1 Error: Runtime exited with error: signal: killed", "out-of-memory"],
  ["Sandbox.Timedout", "RequestId: 1 Error: Task timed out after 300.00 seconds", "job-fails"],
  [
    "AccessDenied",
    "AccessDenied: An error occurred (AccessDenied) when calling the PutObject operation",
    "s3-access-denied",
  ],
])("a function's %s has its section", async (name, message, section) => {
  expect(await diagnose(logs, { error: thrown(name, message) })).toMatchObject({ state: "Preflight", section });
});

test("refused results are a failure of ValidateResults", async () => {
  expect(await diagnose(logs, onCluster(thrown("ResultsInvalid", "finite: no")))).toMatchObject({
    cause: "finite: no",
    state: "ValidateResults",
    section: "the-results-are-refused",
  });
});

test.each([
  [thrown("QuoteExceeded", "maxCostUsd: the run was planned with about 60 images"), "costs-too-high"],
  [thrown("NoSuchKey", "The specified key does not exist."), "job-fails"],
])("a function's error before the quote is confirmed is one of ConfirmQuote: %o", async (error, section) => {
  const expected = { state: "ConfirmQuote", section };

  expect(await diagnose(logs, onCluster(error, { confirmed: false }))).toMatchObject(expected);
});

test("a time-out after the inventory, before the quote is confirmed, is one of ConfirmQuote", async () => {
  const state = onCluster(timeout, { confirmed: false });

  expect(await diagnose(logs, state, { steps: [completedStep] })).toMatchObject({ state: "ConfirmQuote" });
});

// After the validation

const validation = aValidation();

test("a cluster that did not terminate after valid results is left", async () => {
  expect(await diagnose(logs, { ...onCluster(timeout), validation })).toMatchObject({
    state: "TerminateCluster",
    section: "a-cluster-is-left",
  });
});

test.each([
  [thrown("Error", "Cluster j-1 is TERMINATING and cannot be kept"), "Cluster j-1 is TERMINATING and cannot be kept"],
  [thrown("Runtime.ExitError", "RequestId: 1 Error: Runtime exited with error: signal: killed"), "Out of memory"],
  [timeout, "It did not end within its time limit"],
])(
  "a cluster that could not be kept is a failure of KeepCluster, even if EMR does not answer: %o",
  async (error, cause) => {
    const state = { ...onCluster(error, { keepMinutes: 60 }), validation };
    const expected = { state: "KeepCluster", section: "a-cluster-is-kept", cause: expect.stringContaining(cause) };

    expect(await diagnose(logs, state)).toMatchObject(expected);
    const emr = emrClient(() => Promise.reject(new Error("Rate exceeded")));
    expect(await diagnose(logs, state, {}, { emr })).toMatchObject(expected);
  },
);

// Other integrations

test("an error of the SDK integration is a failure of SetManagedScaling", async () => {
  const error = {
    Error: "Emr.EmrException",
    Cause: "not authorized to perform: elasticmapreduce:PutManagedScalingPolicy",
  };

  expect(await diagnose(logs, onCluster(error))).toMatchObject({ state: "SetManagedScaling" });
});

test.each([
  ['{"Step":{"Status":{"State":"FAILED"}}}', "The step failed; EMR gives no reason"],
  ['{"Cluster":{"Status":{"State":"TERMINATED"}}}', "The cluster is TERMINATED; EMR gives no reason"],
  ["{}", "States.TaskFailed"],
  ['{"ClusterId":"j-1","Cluster":{"Sta', "States.TaskFailed"],
])("a cause without a reason is put into words: %s", async (Cause, cause) => {
  expect(await diagnose(logs, onCluster({ Error: "States.TaskFailed", Cause }))).toMatchObject({ cause });
});

test.each([
  [[completedStep], "ExtractFeatures", expect.stringContaining("cluster.coreCount")],
  [
    ["Inventory", "ExtractFeatures", "ReduceDimensions"].map((Name) => ({ ...completedStep, Name })),
    "ValidateResults",
    "Start again: computed features are kept",
  ],
])(
  "the remedy for a step's time-out mentions more nodes, that for a function's does not",
  async (steps, state, remedy) => {
    expect(await diagnose(logs, onCluster(timeout), { steps })).toMatchObject({ state, remedy });
  },
);

// Bootstrap actions

test("a failed bootstrap action is explained by its log, even if the state data lacks the cluster", async () => {
  logs.write("node/i-1/bootstrap-actions/1/stderr.gz", ["+ tar", "orchard: error: wheelhouse.tar has another sha256"]);
  const cluster = {
    Status: {
      State: "TERMINATED_WITH_ERRORS",
      StateChangeReason: { Code: "BOOTSTRAP_FAILURE", Message: "On i-1" },
    },
  } as const;

  const diagnosis = await diagnose(logs, inCreation({ Error: "States.TaskFailed", Cause: "{}" }), { cluster });

  expect(diagnosis).toMatchObject({
    cause: "Bootstrap action failed: wheelhouse.tar has another sha256",
    state: "CreateCluster",
    section: "cluster-does-not-start",
    cluster: { id: "j-1", state: "TERMINATED_WITH_ERRORS" },
  });
});

test("of several bootstrap actions the last one is the one that failed", async () => {
  logs.write("node/i-1/bootstrap-actions/1/stderr.gz", ["a warning"]);
  logs.write("node/i-1/bootstrap-actions/2/stderr.gz", ["tar: not found"]);
  const cluster = {
    Status: { State: "TERMINATED_WITH_ERRORS", StateChangeReason: { Code: "BOOTSTRAP_FAILURE" } },
  } as const;

  const diagnosis = await diagnose(logs, inCreation({ Error: "States.TaskFailed", Cause: "{}" }), { cluster });

  expect(diagnosis).toMatchObject({ cause: "Bootstrap action failed: tar: not found" });
});

// Cluster and cost

test("has the cost of the failed run's cluster, and does without it if EMR does not answer", async () => {
  // The execution starts now, and only the cluster's time after that counts.
  const from = Date.now() + 1_000;
  const Timeline = { CreationDateTime: new Date(from), EndDateTime: new Date(from + 3_600_000) };
  const instances = [{ InstanceType: "m5.2xlarge", Status: { Timeline } }];
  const cluster = { Status: { State: "TERMINATED", Timeline } } as const;

  const { cost } = await diagnose(logs, onCluster(stepError), { cluster, instances });
  expect(cost).toMatchObject({ isFinal: true, minutes: { actual: 60 } });
  expect(cost?.actualUsd).toBeGreaterThan(0.5);

  expect(await diagnose(logs, onCluster(stepError), { cluster })).toMatchObject({ cost: null, section: "job-fails" });
});

test("has no cluster if the one in the cause belongs to another execution", async () => {
  const error = { Error: "EMR.AmazonElasticMapReduceException", Cause: "j-1 is in the way" };
  const Tags = [{ Key: "orchard:execution-arn", Value: anExecution("run-2").id }];

  const { cluster } = await diagnose(logs, inCreation(error), { cluster: { Tags, Status: { State: "RUNNING" } } });

  expect(cluster).toBeNull();
});

test("never throws: if EMR does not answer, the cause is the first error's", async () => {
  const emr = emrClient(() => {
    throw Object.assign(new Error("Rate exceeded"), { name: "ThrottlingException" });
  });
  const state = { plan: aPlan(bucket), scripts: {}, cluster: { id: "j-1" } };

  const diagnosis = await diagnose(
    logs,
    { ...state, error: { Error: "States.TaskFailed", Cause: "Step failed" } },
    {},
    { emr },
  );

  expect(diagnosis).toMatchObject({
    cause: "Step failed (the logs could not be read: ThrottlingException: Rate exceeded)",
    log: null,
  });
});
