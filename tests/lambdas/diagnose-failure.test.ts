import { gzipSync } from "node:zlib";
import {
  DescribeClusterCommand,
  type EMRClient,
  ListClustersCommand,
  ListInstancesCommand,
  ListStepsCommand,
} from "@aws-sdk/client-emr";
import { ListObjectsV2Command, type S3Client } from "@aws-sdk/client-s3";
import { beforeEach, expect, test } from "vitest";
import type { Diagnosis } from "../../lambdas/contract/failure.ts";
import { partialStateSchema } from "../../lambdas/contract/state-data.ts";
import { type DiagnoseClients, diagnoseFailure } from "../../lambdas/diagnose-failure.ts";
import { lastLines, oneLine, rootCause } from "../../lambdas/diagnosis/root-cause.ts";
import { emrClient } from "../doubles/emr.ts";
import { anExecution, aPlan, createBucket, putObject } from "./fixtures.ts";
import { startMinistack } from "./ministack.ts";

const account = await startMinistack();
let bucket: string;

beforeEach(async () => {
  bucket = await createBucket(account);
});

interface EmrAnswers {
  readonly cluster?: object;
  /** undefined: EMR does not answer. */
  readonly instances?: readonly object[];
  readonly steps?: readonly object[];
}

/** EMR with one cluster, j-1, in the state that a test needs; MiniStack's clusters cannot fail. */
function anEmr({ cluster = {}, instances, steps = [] }: EmrAnswers): EMRClient {
  const found = {
    Id: "j-1",
    Name: "orchard-run-1",
    Tags: [{ Key: "orchard:execution-arn", Value: anExecution().id }],
    ...cluster,
  };
  const send = async (command: unknown): Promise<unknown> => {
    if (command instanceof DescribeClusterCommand) return { Cluster: found };
    if (command instanceof ListClustersCommand) return { Clusters: [found] };
    if (command instanceof ListStepsCommand) return { Steps: steps };
    if (command instanceof ListInstancesCommand && instances) return { Instances: instances };
    throw new Error("Not answered");
  };
  return emrClient(send);
}

function log(path: string, lines: readonly string[]): Promise<void> {
  return putObject(account, bucket, `logs/emr/j-1/${path}`, gzipSync(lines.join("\n")));
}

function diagnose(state: object, emr: EmrAnswers = {}, clients: Partial<DiagnoseClients> = {}): Promise<Diagnosis> {
  return diagnoseFailure(
    { state: partialStateSchema.parse({ input: {}, ...state }), execution: anExecution() },
    { DATA_BUCKET: bucket },
    { s3: account.s3, emr: anEmr(emr), ...clients },
    { attempts: 3, pauseMs: 20 },
  );
}

function running(error: object): object {
  return { plan: aPlan(bucket), scripts: {}, cluster: { id: "j-1" }, error };
}
const failedStep = { Error: "States.TaskFailed", Cause: '{"Step":{"Status":{"State":"FAILED"}}}' };
const completed = { Id: "s-1", Name: "Inventory", Status: { State: "COMPLETED" } };
const failed = {
  Id: "s-2",
  Name: "ExtractFeatures",
  Status: { State: "FAILED", FailureDetails: { Reason: "Unknown Error." } },
};

test("a function's own message is the cause, on one line", async () => {
  const Cause = JSON.stringify({ errorType: "InvalidInput", errorMessage: "Two problems:\n- a\n- b", trace: [] });

  expect(await diagnose({ error: { Error: "InvalidInput", Cause } })).toEqual({
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

test("an execution that waited in vain was refused before it started", async () => {
  const errorMessage = "arn:other has been running since 2026-01-01T00:00:00Z";
  const Cause = JSON.stringify({ errorType: "OtherExecutionRunning", errorMessage, trace: [] });
  const error = { Error: "OtherExecutionRunning", Cause };
  const told = { cause: errorMessage, section: "the-run-is-refused-before-it-starts" };

  expect(await diagnose({ input: { overlap: "queue" }, error })).toMatchObject({ ...told, state: "TakeTurn" });
  const turn = { isOurs: true, inTheWay: null };
  expect(await diagnose({ input: { overlap: "queue" }, turn, error })).toMatchObject({ state: "Preflight" });
});

test("a wrong key is about the input, though the keys that there are name a ceiling", async () => {
  const errorMessage = 'The input is refused: unknown key "forse". Known keys: mode, force, maxCostUsd';
  const Cause = JSON.stringify({ errorType: "InvalidInput", errorMessage, trace: [] });

  expect(await diagnose({ error: { Error: "InvalidInput", Cause } })).toMatchObject({
    section: "the-run-is-refused-before-it-starts",
  });
});

test("managed scaling that EMR refuses is not laid to the first step", async () => {
  const error = {
    Error: "Emr.EmrException",
    Cause: "not authorized to perform: elasticmapreduce:PutManagedScalingPolicy",
  };

  expect(await diagnose(running(error))).toMatchObject({ state: "SetManagedScaling" });
});

test("what a failed run's cluster has cost is told, and is no condition for the rest", async () => {
  // After the execution's start, which is now.
  const from = Date.now() + 1_000;
  const Timeline = { CreationDateTime: new Date(from), EndDateTime: new Date(from + 3_600_000) };
  const instances = [{ InstanceType: "m5.2xlarge", Status: { Timeline } }];
  const cluster = { Status: { State: "TERMINATED", Timeline } };

  const { cost } = await diagnose(running(failedStep), { cluster, instances });
  expect(cost).toMatchObject({ isFinal: true, minutes: { actual: 60 } });
  expect(cost?.actualUsd).toBeGreaterThan(0.5);

  expect(await diagnose(running(failedStep), { cluster })).toMatchObject({ cost: null, section: "job-fails" });
});

test("a plan that is too dear is about costs", async () => {
  const errorMessage = "The input is refused: maxCostUsd: the plan is estimated at 30 USD, the ceiling is 20 USD";
  const Cause = JSON.stringify({ errorType: "InvalidInput", errorMessage, trace: [] });

  expect(await diagnose({ error: { Error: "InvalidInput", Cause } })).toMatchObject({ section: "costs-too-high" });
});

test.each([
  ["Runtime.ExitError", "RequestId: 1 Error: Runtime exited with error: signal: killed", "out-of-memory"],
  ["Sandbox.Timedout", "RequestId: 1 Error: Task timed out after 300.00 seconds", "job-fails"],
  [
    "AccessDenied",
    "AccessDenied: An error occurred (AccessDenied) when calling the PutObject operation",
    "s3-access-denied",
  ],
])("a function's %s names its section", async (errorType, errorMessage, section) => {
  const Cause = JSON.stringify({ errorType, errorMessage, trace: [] });

  expect(await diagnose({ error: { Error: errorType, Cause } })).toMatchObject({ state: "Preflight", section });
});

const valid = {
  ...{ images: 1, labels: 1, errors: 0, errorRate: 0, computed: 1, reused: 0, components: 1, variance: 1 },
  ...{ warnings: [], results: "s3://data/runs/run-1/" },
};

test("a cluster that would not go after a success is one that is left", async () => {
  const state = running({ Error: "States.Timeout", Cause: "" });

  expect(await diagnose({ ...state, validation: valid })).toMatchObject({
    state: "TerminateCluster",
    section: "a-cluster-is-left",
  });
});

function thrown(errorType: string, errorMessage: string): object {
  return {
    Error: errorType,
    Cause: JSON.stringify({ errorType, errorMessage, trace: [] }),
  };
}

test.each([
  [thrown("Error", "Cluster j-1 is TERMINATING, not to be kept"), "Cluster j-1 is TERMINATING, not to be kept"],
  [thrown("Runtime.ExitError", "RequestId: 1 Error: Runtime exited with error: signal: killed"), "Out of memory"],
  [{ Error: "States.Timeout", Cause: "" }, "It did not end within its time limit"],
])("a cluster that could not be kept is told as such: %o", async (error, cause) => {
  const state = { ...running(error), plan: aPlan(bucket, { keepMinutes: 60 }), validation: valid };
  const told = { state: "KeepCluster", section: "a-cluster-is-kept", cause: expect.stringContaining(cause) };

  expect(await diagnose(state)).toMatchObject(told);
  // Nothing needs to be known of the cluster for that.
  const unknown = emrClient(() => Promise.reject(new Error("Rate exceeded")));
  expect(await diagnose(state, {}, { emr: unknown })).toMatchObject(told);
});

test.each(["", "States.Timeout"])("a cluster that was not ready in time is one that does not start", async (Cause) => {
  const state = { plan: aPlan(bucket), scripts: {}, error: { Error: "States.Timeout", Cause } };
  const cluster = { Status: { State: "TERMINATED", StateChangeReason: { Code: "USER_REQUEST" } } };

  expect(await diagnose(state, { cluster })).toMatchObject({
    state: "CreateCluster",
    cause: "The cluster was not ready within its time limit (States.Timeout)",
    section: "cluster-does-not-start",
  });
});

test("refused results are ValidateResults' own", async () => {
  const Cause = JSON.stringify({ errorType: "ResultsInvalid", errorMessage: "finite: no", trace: [] });

  expect(await diagnose(running({ Error: "ResultsInvalid", Cause }))).toMatchObject({
    cause: "finite: no",
    state: "ValidateResults",
    section: "the-results-are-refused",
  });
});

test("a failed step's own statement is read from its stderr", async () => {
  await log("steps/s-2/stderr.gz", ["INFO: starting", "orchard: error: 7 images of 10 are bad", ""]);

  expect(await diagnose(running(failedStep), { steps: [failed, completed] })).toEqual({
    cause: "7 images of 10 are bad",
    state: "ExtractFeatures",
    log: `s3://${bucket}/logs/emr/j-1/steps/s-2/stderr.gz`,
    excerpt: ["INFO: starting", "orchard: error: 7 images of 10 are bad"],
    section: "job-fails",
    cost: null,
    cluster: { id: "j-1", state: "UNKNOWN" },
    remedy: null,
  });
});

test("in cluster deploy mode it is read from the driver's container", async () => {
  await log("steps/s-2/stderr.gz", [
    "Submitted application application_1700000000000_0001",
    'Exception in thread "main" org.apache.spark.SparkException: Application application_1700000000000_0001 failed',
  ]);
  const containers = "containers/application_1700000000000_0001";
  await log(`${containers}/container_1_000002/stderr.gz`, ["ValueError: in an executor"]);
  await log(`${containers}/container_1_000001/stdout.gz`, ["orchard: error: the model is missing"]);

  const found = await diagnose(running(failedStep), { steps: [failed] });

  expect(found.cause).toBe("the model is missing");
  expect(found.log).toMatch(/container_1_000001\/stdout\.gz$/);
});

test("a log that arrives late is waited for", async () => {
  const waiting = diagnose(running(failedStep), { steps: [failed] });
  await log("steps/s-2/stderr.gz", ["orchard: error: late"]);

  expect((await waiting).cause).toBe("late");
});

test("the driver's log is waited for, whichever other container's came first", async () => {
  await log("steps/s-2/stderr.gz", [
    "Submitted application application_1700000000000_0001",
    'Exception in thread "main" org.apache.spark.SparkException: Application application_1700000000000_0001 finished with failed status',
  ]);
  const containers = "containers/application_1700000000000_0001";
  await log(`${containers}/container_1_000001/stderr.gz`, ["INFO: the driver's JVM"]);
  await log(`${containers}/container_1_000002/stderr.gz`, ["INFO: an executor's"]);

  let looks = 0;
  const send = async (command: ListObjectsV2Command): Promise<unknown> => {
    const isSecondLook = command instanceof ListObjectsV2Command && ++looks === 2;
    if (isSecondLook) await log(`${containers}/container_1_000001/stdout.gz`, ["ValueError: no rows"]);
    return account.s3.send(command);
  };
  const s3: S3Client = Object.assign(Object.create(account.s3), { send });

  expect((await diagnose(running(failedStep), { steps: [failed] }, { s3 })).cause).toBe("ValueError: no rows");
  expect(looks).toBe(2);
});

test("an executor that was lost and replaced is not taken for the cause of what failed later", async () => {
  await log("steps/s-2/stderr.gz", [
    "ERROR YarnClusterScheduler: Lost executor 1 on ip-10-0-0-1: Container killed by YARN for exceeding physical memory limits.",
    "Traceback (most recent call last):",
    '  File "/mnt/yarn/orchard.zip/orchard/pca.py", line 7, in fit',
    "ValueError: no rows",
  ]);

  expect((await diagnose(running(failedStep), { steps: [failed] })).cause).toBe(
    "ValueError: no rows (orchard/pca.py, line 7)",
  );
});

test("without the client's log the last application's containers are read", async () => {
  for (const [number, line] of [
    ["0001", "ValueError: of an earlier step"],
    ["0002", "ValueError: of this one"],
  ]) {
    const application = `application_1700000000000_${number}`;
    await log(`containers/${application}/container_${number}_000001/stdout.gz`, [line ?? ""]);
  }

  expect((await diagnose(running(failedStep), { steps: [failed] })).cause).toBe("ValueError: of this one");
});

test("an earlier step's containers are not taken for those of the step that failed", async () => {
  await log("containers/application_1700000000000_0001/container_0001_000001/stdout.gz", ["ValueError: passed over"]);

  expect(await diagnose(running(failedStep), { steps: [failed, completed] })).toMatchObject({
    cause: "Unknown Error.",
    log: null,
  });
});

test("a log that was cut short is read as far as it goes, and one that is none does not spoil the others", async () => {
  const whole = gzipSync(`orchard: error: the cause\n${"x".repeat(100)}`);
  const folder = "logs/emr/j-1/steps/s-2";
  await putObject(account, bucket, `${folder}/stderr.gz`, whole.subarray(0, whole.length - 9));
  await putObject(account, bucket, `${folder}/stdout.gz`, "not gzipped");

  expect((await diagnose(running(failedStep), { steps: [failed] })).cause).toBe("the cause");
});

test("a step that ran out of time has its log in the diagnosis", async () => {
  await log("steps/s-2/stderr.gz", ["INFO: image 7 of 10"]);
  const cancelled = { ...failed, Status: { State: "CANCELLED" } };

  expect(await diagnose(running({ Error: "States.Timeout", Cause: "" }), { steps: [cancelled] })).toMatchObject({
    cause: "It did not end within its time limit (States.Timeout)",
    log: `s3://${bucket}/logs/emr/j-1/steps/s-2/stderr.gz`,
    excerpt: ["INFO: image 7 of 10"],
  });
});

test.each([
  [[completed], "ExtractFeatures", expect.stringContaining("cluster.coreCount")],
  [
    ["Inventory", "ExtractFeatures", "ReduceDimensions"].map((Name) => ({ ...completed, Name })),
    "ValidateResults",
    "Start again: features that are done are kept",
  ],
])("more nodes are a remedy for a step's time-out, not for that of a function", async (steps, state, remedy) => {
  expect(await diagnose(running({ Error: "States.Timeout", Cause: "" }), { steps })).toMatchObject({ state, remedy });
});

test("without a log the step's own details are the cause", async () => {
  expect(await diagnose(running(failedStep), { steps: [failed] })).toMatchObject({
    cause: "Unknown Error.",
    state: "ExtractFeatures",
    log: null,
  });
});

test("a failed bootstrap action is quoted, of a cluster that is only found by tag", async () => {
  await log("node/i-1/bootstrap-actions/1/stderr.gz", ["+ tar", "orchard: error: wheelhouse.tar has another sha256"]);
  const cluster = {
    Status: { State: "TERMINATED_WITH_ERRORS", StateChangeReason: { Code: "BOOTSTRAP_FAILURE", Message: "On i-1" } },
  };

  expect(
    await diagnose(
      { plan: aPlan(bucket), scripts: {}, error: { Error: "States.TaskFailed", Cause: "{}" } },
      { cluster },
    ),
  ).toMatchObject({
    cause: "Bootstrap action failed: wheelhouse.tar has another sha256",
    state: "CreateCluster",
    section: "cluster-does-not-start",
    cluster: { id: "j-1", state: "TERMINATED_WITH_ERRORS" },
  });
});

test("another execution's cluster is not told as this one's", async () => {
  const Cause = "j-1 is in the way";
  const state = { plan: aPlan(bucket), scripts: {}, error: { Error: "EMR.AmazonElasticMapReduceException", Cause } };
  const Tags = [{ Key: "orchard:execution-arn", Value: anExecution("run-2").id }];

  expect((await diagnose(state, { cluster: { Tags, Status: { State: "RUNNING" } } })).cluster).toBeNull();
});

test("of several bootstrap actions the last one that ran is quoted", async () => {
  await log("node/i-1/bootstrap-actions/1/stderr.gz", ["a word of warning"]);
  await log("node/i-1/bootstrap-actions/2/stderr.gz", ["tar: not found"]);
  const cluster = { Status: { State: "TERMINATED_WITH_ERRORS", StateChangeReason: { Code: "BOOTSTRAP_FAILURE" } } };

  expect(
    await diagnose(
      { plan: aPlan(bucket), scripts: {}, error: { Error: "States.TaskFailed", Cause: "{}" } },
      { cluster },
    ),
  ).toMatchObject({ cause: "Bootstrap action failed: tar: not found" });
});

/** What addStep.sync fails with when EMR has not run the step to its end; nothing of the teardown is in it. */
function cut(status: object): object {
  return {
    Error: "States.TaskFailed",
    Cause: JSON.stringify({ ClusterId: "j-1", StepId: "s-2", Step: { Id: "s-2", Status: status } }),
  };
}
const jobTerminated = { State: "CANCELLED", StateChangeReason: { Message: "Job terminated" } };
function endedBy(Code: string, Message: string, changes: object = {}): object {
  return {
    Status: { State: "TERMINATED", StateChangeReason: { Code, Message }, ...changes },
  };
}
const byRequest = endedBy("USER_REQUEST", "Terminated by user request");

function diagnoseCut(status: object, cluster: object, plan: object = {}): Promise<Diagnosis> {
  return diagnose(
    { ...running(cut(status)), plan: aPlan(bucket, plan) },
    { cluster, steps: [{ ...failed, Config: { Args: [`s3://${bucket}/runs/run-1/plan.json`] }, Status: status }] },
  );
}

test.each([
  ["All slaves in the job flow were terminated due to Spot", "spot-capacity"],
  ["The master node was terminated", "spot-capacity"],
  ["An internal error occurred", "job-fails"],
])("a cluster that died under a step says why: %s", async (message, section) => {
  const cluster = endedBy("INSTANCE_FAILURE", message);

  expect(await diagnoseCut(jobTerminated, cluster)).toMatchObject({
    cause: message,
    state: "ExtractFeatures",
    section,
  });
});

test("a step that failed because its cluster died, and whose logs tell nothing, says why the cluster did", async () => {
  const cluster = endedBy("INSTANCE_FAILURE", "All core nodes were reclaimed");
  const { Status } = failed;

  expect(await diagnoseCut(Status, cluster)).toMatchObject({
    cause: "All core nodes were reclaimed",
    section: "spot-capacity",
  });
  await log("steps/s-2/stderr.gz", ["orchard: error: bad"]);
  expect(await diagnoseCut(Status, cluster)).toMatchObject({ cause: "bad", section: "job-fails" });
});

test("a cluster that somebody ended under a step says so, and how far the step was", async () => {
  await log("steps/s-2/stderr.gz", ["INFO: image 7 of 10"]);

  expect(await diagnoseCut(jobTerminated, byRequest)).toMatchObject({
    cause: "The cluster was ended, not by this run (Terminated by user request)",
    state: "ExtractFeatures",
    section: "job-fails",
    excerpt: ["INFO: image 7 of 10"],
  });
});

test("a cluster that somebody ended before it was ready says so", async () => {
  const Status = { State: "TERMINATED", StateChangeReason: { Code: "USER_REQUEST", Message: "User request" } };
  const error = { Error: "States.TaskFailed", Cause: JSON.stringify({ ClusterId: "j-1", Cluster: { Status } }) };

  expect(await diagnose({ plan: aPlan(bucket), scripts: {}, error }, { cluster: { Status } })).toMatchObject({
    cause: "The cluster was ended, not by this run (User request)",
    state: "CreateCluster",
    section: "cluster-does-not-start",
  });
});

function hourAgo(hours: number): Date {
  return new Date(Date.now() - hours * 3_600_000);
}
/** As old when it ended, with 2.5 hours that its run may cost. */
function aged(hours: number): object {
  return {
    ...endedBy("USER_REQUEST", "Terminated by user request", {
      Timeline: { CreationDateTime: hourAgo(hours), EndDateTime: hourAgo(0) },
    }),
    Tags: [{ Key: "orchard:max-hours", Value: "2.5" }],
  };
}

test("a cluster that was ended because it had cost enough says so", async () => {
  expect(await diagnoseCut(jobTerminated, aged(2.6))).toMatchObject({
    cause: "The cluster was ended after 2.5 hours, which is all that maxCostUsd pays for",
    section: "costs-too-high",
    remedy: "Start again with a higher maxCostUsd; features that are done are kept",
  });
  expect(await diagnoseCut(jobTerminated, aged(2))).toMatchObject({ section: "job-fails" });
});

test("a step that ran out of time is not laid to the age that the cluster had when the teardown ended it", async () => {
  const cancelled = { ...failed, Status: { State: "CANCELLED" } };
  const timedOut = running({ Error: "States.Timeout", Cause: "" });

  expect(await diagnose(timedOut, { cluster: aged(2.6), steps: [cancelled] })).toMatchObject({
    cause: "It did not end within its time limit (States.Timeout)",
    section: "job-fails",
  });
});

test("a borrowed cluster that its deadline or its age ended under a step is not to be paid for longer by this run", async () => {
  const borrowed = { clusterId: "j-1", usdPerHour: 1 };
  const remedy = "Start again without cluster.id, on a cluster of its own; features that are done are kept";

  const atDeadline = { borrowed: { ...borrowed, until: "2026-01-01T12:00:00Z" } };
  expect(await diagnoseCut(jobTerminated, byRequest, atDeadline)).toMatchObject({
    cause: "The cluster was kept until 2026-01-01 12:00 UTC, and was ended then",
    section: "a-cluster-is-kept",
    remedy,
  });
  const before = { borrowed: { ...borrowed, until: hourAgo(-1).toISOString() } };
  expect(await diagnoseCut(jobTerminated, aged(2.6), before)).toMatchObject({ section: "costs-too-high", remedy });
  expect(await diagnoseCut(jobTerminated, aged(2), before)).toMatchObject({ section: "job-fails", remedy });
});

test.each([
  [{ State: "INTERRUPTED" }, "The step was interrupted; EMR gives no reason"],
  [{ State: "CANCELLED" }, "The step was cancelled, not by this run; EMR gives no reason"],
  [
    { State: "CANCELLED", StateChangeReason: { Message: "Cancelled by user" } },
    "The step was cancelled, not by this run (Cancelled by user)",
  ],
])("a step that was cut short is told in words, and not laid to the teardown: %o", async (status, cause) => {
  const told = { cause, state: "ExtractFeatures", section: "job-fails" };

  expect(await diagnoseCut(status, byRequest)).toMatchObject(told);
  // A borrowed cluster goes on.
  const borrowed = { clusterId: "j-1", usdPerHour: 1, until: "2026-01-01T12:00:00Z" };
  expect(await diagnoseCut(status, { Status: { State: "WAITING" } }, { borrowed })).toMatchObject(told);
});

test.each([
  ['{"Step":{"Status":{"State":"FAILED"}}}', "The step failed; EMR gives no reason"],
  ['{"Cluster":{"Status":{"State":"TERMINATED"}}}', "The cluster is TERMINATED; EMR gives no reason"],
  ["{}", "States.TaskFailed"],
  ['{"ClusterId":"j-1","Cluster":{"Sta', "States.TaskFailed"],
])("a cause that says nothing is not quoted: %s", async (Cause, cause) => {
  expect(await diagnose(running({ Error: "States.TaskFailed", Cause }))).toMatchObject({ cause });
});

test("the teardown's own request is not taken for the cause of a time-out", async () => {
  const cluster = {
    Status: { State: "TERMINATED", StateChangeReason: { Code: "USER_REQUEST", Message: "User request" } },
  };

  expect(
    await diagnose(running({ Error: "States.Timeout", Cause: "" }), { cluster, steps: [completed] }),
  ).toMatchObject({ cause: "It did not end within its time limit (States.Timeout)", state: "ExtractFeatures" });
});

test("a step that a redrive adds to a cluster that is gone says so, and to start a new execution", async () => {
  const cluster = {
    Status: { State: "TERMINATED", StateChangeReason: { Code: "USER_REQUEST", Message: "Terminated by user request" } },
  };
  const Cause =
    "A job flow that is shutting down, terminated, or finished may not be modified. (Service: AmazonElasticMapReduce; Status Code: 400; Error Code: ValidationException; Request ID: 1; Proxy: null)";
  const cancelled = { ...failed, Status: { State: "CANCELLED" } };

  expect(
    await diagnose(running({ Error: "EMR.AmazonElasticMapReduceException", Cause }), {
      cluster,
      steps: [cancelled, completed],
    }),
  ).toEqual({
    cause: "The cluster was already gone when the state began; an execution that is redriven finds its cluster so",
    state: "ExtractFeatures",
    log: null,
    excerpt: [],
    section: "starting-again",
    cost: null,
    cluster: { id: "j-1", state: "TERMINATED" },
    remedy:
      "Start a new execution with the same input: features that are done are kept. A redrive brings no cluster back",
  });
});

test("never fails: when EMR does not answer, the first cause stands", async () => {
  const send = async (): Promise<never> => {
    throw Object.assign(new Error("Rate exceeded"), { name: "ThrottlingException" });
  };

  expect(
    await diagnose(running({ Error: "States.TaskFailed", Cause: "Step failed" }), {}, { emr: emrClient(send) }),
  ).toMatchObject({
    cause: "Step failed (the logs could not be read: ThrottlingException: Rate exceeded)",
    log: null,
  });
});

test.each([
  ["the job's statement wins", ["orchard: error: bad", "ValueError: x"], "bad"],
  [
    "of a Python traceback the last line",
    ["Traceback (most recent call last):", '  File "a.py", line 1', "pyspark.errors.AnalysisException: no such path"],
    "pyspark.errors.AnalysisException: no such path",
  ],
  [
    "of a Java trace the innermost cause",
    [
      'Exception in thread "main" java.lang.RuntimeException: outer',
      "\tat a.b(C.java:1)",
      "Caused by: java.io.IOException: middle",
      "Caused by: java.net.ConnectException: inner",
    ],
    "java.net.ConnectException: inner",
  ],
  [
    "of Python and the Java noise of a shutdown after it the Python",
    [
      "Traceback (most recent call last):",
      '  File "/mnt/a.py", line 1, in <module>',
      "KeyError: 'label'",
      "Caused by: java.io.IOException: Connection closed",
    ],
    "KeyError: 'label'",
  ],
])("%s", (_, lines, cause) => {
  expect(rootCause(lines.join("\n"))?.line).toBe(cause);
});

test("a log that tells nothing gives nothing", () => {
  expect(rootCause("INFO a\nWARN b: Error rate 3")).toBeUndefined();
});

test("of a log's last lines those that say something are shown", () => {
  const log = [
    "Caused by: java.io.EOFException",
    "\tat a.b(C.java:1)",
    "\t... 3 more",
    "",
    "26/11/21 10:00:00 INFO ShutdownHookManager: Shutdown hook called",
  ];

  expect(lastLines(log.join("\n"))).toEqual(["Caused by: java.io.EOFException"]);
});

test("one line is one line", () => {
  expect(oneLine("a\r\nb\n\n  c")).toBe("a b c");
});
