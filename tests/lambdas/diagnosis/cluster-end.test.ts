import type { Cluster, ClusterStateChangeReasonCode, StepStatus } from "@aws-sdk/client-emr";
import { beforeEach, expect, test } from "vitest";
import type { Diagnosis } from "../../../lambdas/contract/failure.ts";
import type { Plan } from "../../../lambdas/contract/plan.ts";
import { aPlan } from "../fixtures.ts";
import {
  bucket,
  cancelledStep,
  completedStep,
  diagnose,
  failedStep,
  inCreation,
  LogBucket,
  onCluster,
  timeout,
} from "./failed-run.ts";

let logs: LogBucket;
beforeEach(() => {
  logs = new LogBucket();
});

function endedBy(Code: ClusterStateChangeReasonCode, Message: string): Cluster {
  return { Status: { State: "TERMINATED", StateChangeReason: { Code, Message } } };
}

const byRequest = endedBy("USER_REQUEST", "Terminated by user request");

/** A cluster that was terminated at this age, with maxHours of 2.5. */
function terminatedAt(hours: number): Cluster {
  return {
    Status: { ...byRequest.Status, Timeline: { CreationDateTime: hoursAgo(hours), EndDateTime: hoursAgo(0) } },
    Tags: [{ Key: "orchard:max-hours", Value: "2.5" }],
  };
}

function hoursAgo(hours: number): Date {
  return new Date(Date.now() - hours * 3_600_000);
}

const jobTerminated: StepStatus = { State: "CANCELLED", StateChangeReason: { Message: "Job terminated" } };

/** Diagnoses a run whose step ended like this. The error quotes the step as it was before the teardown. */
function diagnoseStepEnd(status: StepStatus, cluster: Cluster, plan: Partial<Plan> = {}): Promise<Diagnosis> {
  const error = {
    Error: "States.TaskFailed",
    Cause: JSON.stringify({ ClusterId: "j-1", StepId: "s-2", Step: { Id: "s-2", Status: status } }),
  };
  const Config = { Args: [`s3://${bucket}/runs/run-1/plan.json`] };
  return diagnose(logs, onCluster(error, plan), { cluster, steps: [{ ...failedStep, Config, Status: status }] });
}

// Without a request

test.each([
  ["All slaves in the job flow were terminated due to Spot", "spot-capacity"],
  ["The master node was terminated", "spot-capacity"],
  ["An internal error occurred", "job-fails"],
])("EMR's reason for the cluster's end explains a step that it interrupted: %s", async (message, section) => {
  expect(await diagnoseStepEnd(jobTerminated, endedBy("INSTANCE_FAILURE", message))).toMatchObject({
    cause: message,
    state: "ExtractFeatures",
    section,
  });
});

test("EMR's reason for the cluster's end explains a failed step only if its logs do not", async () => {
  const cluster = endedBy("INSTANCE_FAILURE", "All core nodes were reclaimed");

  expect(await diagnoseStepEnd(failedStep.Status, cluster)).toMatchObject({
    cause: "All core nodes were reclaimed",
    section: "spot-capacity",
  });
  logs.write("steps/s-2/stderr.gz", ["orchard: error: bad"]);
  expect(await diagnoseStepEnd(failedStep.Status, cluster)).toMatchObject({ cause: "bad", section: "job-fails" });
});

// By a request

test("a cluster that somebody terminated during a step is reported with the step's progress", async () => {
  logs.write("steps/s-2/stderr.gz", ["INFO: image 7 of 10"]);

  expect(await diagnoseStepEnd(jobTerminated, byRequest)).toMatchObject({
    cause: "Something other than this run terminated the cluster (Terminated by user request)",
    state: "ExtractFeatures",
    section: "job-fails",
    excerpt: ["INFO: image 7 of 10"],
  });
});

test("a cluster that somebody terminated before it was ready is reported as such", async () => {
  const { Status } = endedBy("USER_REQUEST", "User request");
  const error = { Error: "States.TaskFailed", Cause: JSON.stringify({ ClusterId: "j-1", Cluster: { Status } }) };

  expect(await diagnose(logs, inCreation(error), { cluster: { Status } })).toMatchObject({
    cause: "Something other than this run terminated the cluster (User request)",
    state: "CreateCluster",
    section: "cluster-does-not-start",
  });
});

test("a cluster that was terminated at maxHours is reported as too expensive", async () => {
  expect(await diagnoseStepEnd(jobTerminated, terminatedAt(2.6))).toMatchObject({
    cause: "The cluster was ended after 2.5 hours, which is all that maxCostUsd pays for",
    section: "costs-too-high",
    remedy: "Start again with a higher maxCostUsd; computed features are kept",
  });
  expect(await diagnoseStepEnd(jobTerminated, terminatedAt(2))).toMatchObject({ section: "job-fails" });
});

test("a time-out is the cause even if the cluster is older than maxHours when the teardown terminates it", async () => {
  const emr = { cluster: terminatedAt(2.6), steps: [cancelledStep] };

  expect(await diagnose(logs, onCluster(timeout), emr)).toMatchObject({
    cause: "It did not end within its time limit of 30 minutes, the least that a step gets (States.Timeout)",
    section: "job-fails",
  });
});

test("a time-out names the limit of its step, and what to change for the next run", async () => {
  const limits = aPlan("data").stepLimits;
  const at = async (features: typeof limits.features) =>
    diagnose(logs, onCluster(timeout, { stepLimits: { ...limits, features } }), { steps: [completedStep] });

  expect(await at({ seconds: 720, bound: "maxCostUsd" })).toMatchObject({
    cause: "It did not end within its time limit of 12 minutes, which is all that maxCostUsd pays for (States.Timeout)",
    remedy: "Start again with a higher maxCostUsd; computed features are kept",
  });
  expect(await at({ seconds: 6_000, bound: "quote" })).toMatchObject({
    cause:
      "It did not end within its time limit of 100 minutes, four times what the quote says for it (States.Timeout)",
    remedy: "Start again: computed features are kept. With more nodes (cluster.coreCount) it takes less time",
  });
});

test("a reused cluster that ended at its deadline or at maxHours has a new cluster as remedy", async () => {
  const remedy = "Start again without cluster.id, on a new cluster; computed features are kept";
  const reused = (until: string) => ({ borrowed: { clusterId: "j-1", usdPerHour: 1, until } });

  expect(await diagnoseStepEnd(jobTerminated, byRequest, reused("2026-01-01T12:00:00Z"))).toMatchObject({
    cause: "The cluster was kept until 2026-01-01 12:00 UTC and then terminated",
    section: "a-cluster-is-kept",
    remedy,
  });
  const later = reused(hoursAgo(-1).toISOString());
  expect(await diagnoseStepEnd(jobTerminated, terminatedAt(2.6), later)).toMatchObject({
    section: "costs-too-high",
    remedy,
  });
  expect(await diagnoseStepEnd(jobTerminated, terminatedAt(2), later)).toMatchObject({ section: "job-fails", remedy });
});

test.each<[StepStatus, string]>([
  [{ State: "INTERRUPTED" }, "The step was interrupted; EMR gives no reason"],
  [{ State: "CANCELLED" }, "Something other than this run cancelled the step; EMR gives no reason"],
  [
    { State: "CANCELLED", StateChangeReason: { Message: "Cancelled by user" } },
    "Something other than this run cancelled the step (Cancelled by user)",
  ],
])("a step that was cancelled or interrupted is the cause, not the teardown after it: %o", async (status, cause) => {
  const expected = { cause, state: "ExtractFeatures", section: "job-fails" };

  expect(await diagnoseStepEnd(status, byRequest)).toMatchObject(expected);
  const borrowed = { clusterId: "j-1", usdPerHour: 1, until: "2026-01-01T12:00:00Z" };
  expect(await diagnoseStepEnd(status, { Status: { State: "WAITING" } }, { borrowed })).toMatchObject(expected);
});

test("a time-out is the cause, not the teardown after it", async () => {
  const cluster = endedBy("USER_REQUEST", "User request");

  expect(await diagnose(logs, onCluster(timeout), { cluster, steps: [completedStep] })).toMatchObject({
    cause: "It did not end within its time limit of 30 minutes, the least that a step gets (States.Timeout)",
    state: "ExtractFeatures",
  });
});

test.each(["", "States.Timeout"])("a cluster that was not ready in time does not start (%j)", async (Cause) => {
  const cluster: Cluster = { Status: { State: "TERMINATED", StateChangeReason: { Code: "USER_REQUEST" } } };

  expect(await diagnose(logs, inCreation({ Error: "States.Timeout", Cause }), { cluster })).toMatchObject({
    state: "CreateCluster",
    cause: "The cluster was not ready within its time limit (States.Timeout)",
    section: "cluster-does-not-start",
  });
});

test("a redrive that adds a step to a cluster that is gone has a new execution as remedy", async () => {
  const error = {
    Error: "EMR.AmazonElasticMapReduceException",
    Cause:
      "A job flow that is shutting down, terminated, or finished may not be modified. (Service: AmazonElasticMapReduce; Status Code: 400; Error Code: ValidationException; Request ID: 1; Proxy: null)",
  };
  const emr = { cluster: byRequest, steps: [cancelledStep, completedStep] };

  expect(await diagnose(logs, onCluster(error), emr)).toEqual({
    cause: "The cluster was already gone when the state began, which happens when an execution is redriven",
    state: "ExtractFeatures",
    log: null,
    excerpt: [],
    section: "starting-again",
    cost: null,
    cluster: { id: "j-1", state: "TERMINATED" },
    remedy:
      "Start a new execution with the same input: computed features are kept. A redrive does not bring the cluster back",
  });
});
