import { gzipSync } from "node:zlib";
import { beforeEach, expect, test } from "vitest";
import {
  bucket,
  cancelledStep,
  completedStep,
  diagnose,
  failedStep,
  LogBucket,
  onCluster,
  stepError,
  timeout,
} from "./failed-run.ts";

let logs: LogBucket;
beforeEach(() => {
  logs = new LogBucket();
});

function diagnoseStep(steps: Parameters<typeof diagnose>[2] = { steps: [failedStep] }) {
  return diagnose(logs, onCluster(stepError), steps);
}

const containers = "containers/application_1700000000000_0001";

test("the cause is the failed step's own statement in its standard error", async () => {
  logs.write("steps/s-2/stderr.gz", ["INFO: starting", "orchard: error: 7 images of 10 are bad", ""]);

  expect(await diagnoseStep({ steps: [failedStep, completedStep] })).toEqual({
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

test("in cluster deploy mode, the statement is in the driver's container", async () => {
  logs.write("steps/s-2/stderr.gz", [
    "Submitted application application_1700000000000_0001",
    'Exception in thread "main" org.apache.spark.SparkException: Application application_1700000000000_0001 failed',
  ]);
  logs.write(`${containers}/container_1_000002/stderr.gz`, ["ValueError: in an executor"]);
  logs.write(`${containers}/container_1_000001/stdout.gz`, ["orchard: error: the model is missing"]);

  const diagnosis = await diagnoseStep();

  expect(diagnosis.cause).toBe("the model is missing");
  expect(diagnosis.log).toMatch(/container_1_000001\/stdout\.gz$/);
});

test("waits for a log that arrives late", async () => {
  logs.beforeList = () => logs.write("steps/s-2/stderr.gz", ["orchard: error: late"]);

  expect((await diagnoseStep()).cause).toBe("late");
});

test("waits for the driver's log even if another container's has arrived", async () => {
  logs.write("steps/s-2/stderr.gz", [
    "Submitted application application_1700000000000_0001",
    'Exception in thread "main" org.apache.spark.SparkException: Application application_1700000000000_0001 finished with failed status',
  ]);
  logs.write(`${containers}/container_1_000001/stderr.gz`, ["INFO: the driver's JVM"]);
  logs.write(`${containers}/container_1_000002/stderr.gz`, ["INFO: an executor's"]);
  logs.beforeList = () => {
    if (logs.lists === 2) logs.write(`${containers}/container_1_000001/stdout.gz`, ["ValueError: no rows"]);
  };

  expect((await diagnoseStep()).cause).toBe("ValueError: no rows");
  expect(logs.lists).toBe(2);
});

test("the loss of an executor that Spark replaced is not the cause of a later exception", async () => {
  logs.write("steps/s-2/stderr.gz", [
    "ERROR YarnClusterScheduler: Lost executor 1 on ip-10-0-0-1: Container killed by YARN for exceeding physical memory limits.",
    "Traceback (most recent call last):",
    '  File "/mnt/yarn/orchard.zip/orchard/pca.py", line 7, in fit',
    "ValueError: no rows",
  ]);

  expect((await diagnoseStep()).cause).toBe("ValueError: no rows (orchard/pca.py, line 7)");
});

test("the end of an executor explains the errors of its processes", async () => {
  logs.write("steps/s-2/stderr.gz", ["Submitted application application_1700000000000_0001"]);
  logs.write(`${containers}/container_1_000001/stderr.gz`, [
    "orchard: error: org.apache.spark.SparkException: Job aborted due to stage failure: Task 3 in stage 0.0 failed 4 times, most recent failure: Lost task 3.3 in stage 0.0 (TID 14) (ip-10-0-0-1 executor 4): ExecutorLostFailure (executor 4 exited caused by one of the running tasks) Reason: Container killed by YARN for exceeding physical memory limits. 1.3 GB of 768 MB physical memory used. Consider boosting spark.executor.memoryOverhead. Driver stacktrace:",
  ]);
  logs.write(`${containers}/container_1_000001/stdout.gz`, []);
  logs.write(`${containers}/container_1_000002/stderr.gz`, [
    "Traceback (most recent call last):",
    '  File "<frozen zipimport>", line 592, in _get_data',
    "FileNotFoundError: [Errno 2] No such file or directory: '/mnt/yarn/container_1_000002/pyspark.zip'",
  ]);

  const { cause, section } = await diagnoseStep();

  expect(cause).toBe(
    "Out of memory: YARN killed an executor that used more memory than its container has (1.3 GB of 768 MB)",
  );
  expect(section).toBe("out-of-memory");
});

test("without the client's log, the last application's containers are the step's", async () => {
  for (const [number, line] of [
    ["0001", "ValueError: of an earlier step"],
    ["0002", "ValueError: of this one"],
  ]) {
    const application = `application_1700000000000_${number}`;
    logs.write(`containers/${application}/container_${number}_000001/stdout.gz`, [line ?? ""]);
  }

  expect((await diagnoseStep()).cause).toBe("ValueError: of this one");
});

test("an earlier step's containers do not explain a step that has none yet", async () => {
  logs.write("containers/application_1700000000000_0001/container_0001_000001/stdout.gz", ["ValueError: passed over"]);

  expect(await diagnoseStep({ steps: [failedStep, completedStep] })).toMatchObject({
    cause: "Unknown Error.",
    log: null,
  });
});

test("reads a truncated log as far as possible, and ignores one that is not gzipped", async () => {
  const whole = gzipSync(`orchard: error: the cause\n${"x".repeat(100)}`);
  logs.writeBytes("steps/s-2/stderr.gz", whole.subarray(0, whole.length - 9));
  logs.writeBytes("steps/s-2/stdout.gz", new TextEncoder().encode("not gzipped"));

  expect((await diagnoseStep()).cause).toBe("the cause");
});

test("a step that timed out has its log in the diagnosis", async () => {
  logs.write("steps/s-2/stderr.gz", ["INFO: image 7 of 10"]);

  expect(await diagnose(logs, onCluster(timeout), { steps: [cancelledStep] })).toMatchObject({
    cause: "It did not end within its time limit of 30 minutes, the least that a step gets (States.Timeout)",
    log: `s3://${bucket}/logs/emr/j-1/steps/s-2/stderr.gz`,
    excerpt: ["INFO: image 7 of 10"],
  });
});

test("without a log, the cause is EMR's reason for the step's failure", async () => {
  expect(await diagnoseStep()).toMatchObject({ cause: "Unknown Error.", state: "ExtractFeatures", log: null });
});
