import { gzipSync } from "node:zlib";
import { DescribeClusterCommand, type EMRClient, ListClustersCommand, ListStepsCommand } from "@aws-sdk/client-emr";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type DiagnoseClients, diagnoseFailure } from "../../lambdas/diagnose-failure.ts";
import { oneLine, rootCause } from "../../lambdas/shared/root-cause.ts";
import { type Diagnosis, partialState } from "../../lambdas/shared/schemas.ts";
import { anExecution, aPlan, createBucket, putObject } from "./fixtures.ts";
import { type Ministack, startMinistack } from "./ministack.ts";

let account: Ministack;
let bucket: string;

beforeAll(async () => {
  account = await startMinistack();
});
afterAll(async () => {
  await account.stop();
});
beforeEach(async () => {
  bucket = await createBucket(account);
});

interface EmrAnswers {
  readonly cluster?: object;
  readonly steps?: readonly object[];
}

/** EMR with one cluster, j-1, in the state that a test needs; MiniStack's clusters cannot fail. */
const anEmr = ({ cluster = {}, steps = [] }: EmrAnswers): EMRClient => {
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
    throw new Error("Not answered");
  };
  return { send } as unknown as EMRClient;
};

const log = (path: string, lines: readonly string[]): Promise<void> =>
  putObject(account, bucket, `logs/emr/j-1/${path}`, gzipSync(lines.join("\n")));

const diagnose = (state: object, emr: EmrAnswers = {}, clients: Partial<DiagnoseClients> = {}): Promise<Diagnosis> =>
  diagnoseFailure(
    { state: partialState.parse({ input: {}, ...state }), execution: anExecution() },
    { DATA_BUCKET: bucket },
    { s3: account.s3, emr: anEmr(emr), ...clients },
    { attempts: 3, pauseMs: 20 },
  );

const running = (error: object): object => ({ plan: aPlan(bucket), scripts: {}, cluster: { id: "j-1" }, error });
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
  });
});

test("refused results are ValidateResults' own", async () => {
  const Cause = JSON.stringify({ errorType: "ResultsInvalid", errorMessage: "finite: no", trace: [] });

  expect(await diagnose(running({ Error: "ResultsInvalid", Cause }))).toMatchObject({
    cause: "finite: no",
    state: "ValidateResults",
  });
});

test("a failed step's own statement is read from its stderr", async () => {
  await log("steps/s-2/stderr.gz", ["INFO: starting", "orchard: error: 7 images of 10 are bad", ""]);

  expect(await diagnose(running(failedStep), { steps: [failed, completed] })).toEqual({
    cause: "7 images of 10 are bad",
    state: "ExtractFeatures",
    log: `s3://${bucket}/logs/emr/j-1/steps/s-2/stderr.gz`,
    excerpt: ["INFO: starting", "orchard: error: 7 images of 10 are bad"],
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
  ).toMatchObject({ cause: "Bootstrap action failed: wheelhouse.tar has another sha256", state: "CreateCluster" });
});

test("a cluster that died says why", async () => {
  const cluster = {
    Status: {
      State: "TERMINATED_WITH_ERRORS",
      StateChangeReason: { Code: "INSTANCE_FAILURE", Message: "All core nodes were reclaimed" },
    },
  };

  expect(
    await diagnose(running({ Error: "States.TaskFailed", Cause: "cancelled" }), { cluster, steps: [completed] }),
  ).toMatchObject({ cause: "All core nodes were reclaimed", state: "ExtractFeatures" });
});

test("the teardown's own request is not taken for the cause of a time-out", async () => {
  const cluster = {
    Status: { State: "TERMINATED", StateChangeReason: { Code: "USER_REQUEST", Message: "User request" } },
  };

  expect(
    await diagnose(running({ Error: "States.Timeout", Cause: "" }), { cluster, steps: [completed] }),
  ).toMatchObject({ cause: "It did not end within its time limit (States.Timeout)", state: "ExtractFeatures" });
});

test("never fails: when EMR does not answer, the first cause stands", async () => {
  const send = async (): Promise<never> => {
    throw Object.assign(new Error("Rate exceeded"), { name: "ThrottlingException" });
  };

  expect(
    await diagnose(
      running({ Error: "States.TaskFailed", Cause: "Step failed" }),
      {},
      { emr: { send } as unknown as EMRClient },
    ),
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
])("%s", (_, lines, cause) => {
  expect(rootCause(lines.join("\n"))?.line).toBe(cause);
});

test("a log that tells nothing gives nothing", () => {
  expect(rootCause("INFO a\nWARN b: Error rate 3")).toBeUndefined();
});

test("one line is one line", () => {
  expect(oneLine("a\r\nb\n\n  c")).toBe("a b c");
});
