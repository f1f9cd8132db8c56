import type { Cluster, EMRClient, StepState, StepSummary } from "@aws-sdk/client-emr";
import type { S3Client } from "@aws-sdk/client-s3";
import { oneLine } from "../../shared/bounded-text.ts";
import type { S3Location } from "../aws/s3.ts";
import { listSteps, runOf } from "../aws/steps.ts";
import type { Failure } from "../contract/failure.ts";
import { jobSteps, stateOfStep } from "../contract/job-steps.ts";
import type { Plan } from "../contract/plan.ts";
import { emrLogsPrefix } from "../contract/s3-layout.ts";
import type { PartialState } from "../contract/state-data.ts";
import { describeLimit } from "../planning/step-limits.ts";
import { deployAgain, explainByBootstrapLogs } from "./bootstrap-logs.ts";
import { describeStepEnd, explainRequestedTermination, explainTermination, isJobTerminated } from "./cluster-end.ts";
import { explainClusterMessage } from "./cluster-failures.ts";
import { inferFailedState } from "./failed-state.ts";
import type { LogExplanation, Polling } from "./log-files.ts";
import { type FailureReport, report } from "./report.ts";
import { explainByStepLogs } from "./step-logs.ts";

/** A failure during or after the creation of a cluster, with the facts that EMR reports. */
export interface ClusterFailure {
  readonly error: Failure | undefined;
  /** The first error's cause, in one line. */
  readonly cause: string;
  readonly plan: Plan;
  readonly cluster: Cluster;
  /** The state that failed. */
  readonly state: string;
  /** The step that failed or was cut short, if any. */
  readonly step: StepSummary | undefined;
  /** Whether the error's cause quotes that step. */
  readonly isStepQuoted: boolean;
  /** Number of steps on the cluster, including other runs'. */
  readonly stepCount: number;
}

function newestFirst(a: StepSummary, b: StepSummary): number {
  return Number(b.Status?.Timeline?.CreationDateTime ?? 0) - Number(a.Status?.Timeline?.CreationDateTime ?? 0);
}

/** Reads the cluster's steps, and finds the state and the step that failed. */
export async function inspectCluster(
  emr: EMRClient,
  cluster: Cluster,
  plan: Plan,
  state: PartialState,
  cause: string,
): Promise<ClusterFailure> {
  const { error } = state;
  const all = await listSteps(emr, cluster.Id ?? "");
  // A reused cluster also has steps of other runs, which may have failed.
  const steps = all.filter((step) => !plan.borrowed || runOf(step) === plan.runId).toSorted(newestFirst);
  const quotedId = /\bs-[A-Z0-9]{1,30}\b/.exec(error?.Cause ?? "")?.[0];
  const newest = (end: StepState): StepSummary | undefined => steps.find(({ Status }) => Status?.State === end);
  const step =
    steps.find(({ Id }) => Id === quotedId) ?? newest("FAILED") ?? newest("CANCELLED") ?? newest("INTERRUPTED");
  return {
    error,
    cause,
    plan,
    cluster,
    state: inferFailedState(state, steps),
    step,
    isStepQuoted: step?.Id === quotedId,
    stepCount: all.length,
  };
}

/** Access to the clusters' logs, and how long to wait for them. */
export interface LogReader {
  readonly s3: S3Client;
  readonly bucket: string;
  readonly polling: Polling;
}

function clusterLogs({ bucket }: LogReader, { cluster }: ClusterFailure): S3Location {
  return { bucket, key: `${emrLogsPrefix}${cluster.Id}/` };
}

async function readStepLogs(
  reader: LogReader,
  failure: ClusterFailure,
  polling: Polling,
): Promise<LogExplanation | undefined> {
  const { step, stepCount, plan } = failure;
  if (step?.Id === undefined) return undefined;
  const logs = clusterLogs(reader, failure);
  return explainByStepLogs(reader.s3, logs, { id: step.Id, count: stepCount }, polling, plan.cluster);
}

/** Explains a failed step by its logs, or by the end of its cluster if the logs show no cause. */
async function explainFailedStep(
  reader: LogReader,
  failure: ClusterFailure,
  { Name, Status = {} }: StepSummary,
): Promise<FailureReport> {
  const { cluster, plan } = failure;
  const logs = await readStepLogs(reader, failure, reader.polling);
  const clusterEnd = logs?.cause === undefined ? explainTermination(cluster, plan, true) : undefined;
  const ownCause = oneLine(describeStepEnd(Status));
  const state = Name ?? failure.state;
  const base = { ...report(state, ownCause, { section: "job-fails", remedy: null }), ...logs };
  return clusterEnd ? { ...base, ...clusterEnd } : { ...base, cause: logs?.cause ?? ownCause };
}

/** Explains a failed bootstrap action by its log on the node that EMR names. */
async function explainFailedBootstrap(
  reader: LogReader,
  failure: ClusterFailure,
  message: string | undefined,
): Promise<FailureReport> {
  const instanceId = /\bi-[0-9a-f]{1,20}\b/.exec(message ?? "")?.[0];
  const logs = await explainByBootstrapLogs(reader.s3, clusterLogs(reader, failure), instanceId, reader.polling);
  const ownCause = oneLine(message ?? failure.cause);
  const base = report(failure.state, ownCause, { section: "cluster-does-not-start", remedy: deployAgain });
  return { ...base, ...logs, cause: logs?.cause ?? ownCause };
}

interface Timeout {
  readonly cause?: string;
  readonly remedy: string;
}

/** Explains a time-out by the limit of the step, and says what to change so that the next run has enough time. */
function explainTimeout(state: string, { stepLimits }: Plan): Timeout {
  const step = jobSteps.find((name) => stateOfStep[name] === state);
  if (step === undefined) return { remedy: "Start again: computed features are kept" };
  const limit = stepLimits[step];
  const moreNodes = "With more nodes (cluster.coreCount) it takes less time";
  return {
    cause: `It did not end within ${describeLimit(limit)} (States.Timeout)`,
    remedy:
      limit.bound === "maxCostUsd"
        ? "Start again with a higher maxCostUsd; computed features are kept"
        : `Start again: computed features are kept. ${moreNodes}`,
  };
}

/** Explains a failure without a failed step or bootstrap action: a refusal, a time-out, or the end of the cluster. */
async function explainInterruption(reader: LogReader, failure: ClusterFailure): Promise<FailureReport> {
  const { error, cause, plan, cluster, state, step, isStepQuoted } = failure;
  const message = explainClusterMessage(cause, plan.cluster);
  // A failed task quotes a state from before the teardown. A time-out and a refusal quote nothing.
  const isQuoted = error?.Error === "States.TaskFailed";
  const wasGone = message.section === "starting-again";
  const isReady = state !== "CreateCluster";
  const endedBeforeTeardown = isQuoted && (!isReady || isJobTerminated(cause));
  const end =
    explainTermination(cluster, plan, isReady) ??
    (isQuoted || wasGone ? explainRequestedTermination(cluster, plan, isReady, endedBeforeTeardown) : undefined);
  if (!end && (!isReady || wasGone)) return report(state, cause, message);
  // Show how far the step came, but do not wait for logs, which need not exist.
  const { log = null, excerpt = [] } = (await readStepLogs(reader, failure, { attempts: 1, pauseMs: 0 })) ?? {};
  const name = (isStepQuoted ? step?.Name : undefined) ?? state;
  const timeout = error?.Error === "States.Timeout" ? explainTimeout(name, plan) : undefined;
  const explanation = end ?? { section: "job-fails" as const, remedy: timeout?.remedy ?? null };
  return { ...report(name, timeout?.cause ?? cause, explanation), log, excerpt };
}

/** Explains a failure by the cluster on which it occurred. */
export async function explainClusterFailure(reader: LogReader, failure: ClusterFailure): Promise<FailureReport> {
  const { cluster, step } = failure;
  if (step?.Status?.State === "FAILED") return explainFailedStep(reader, failure, step);
  const reason = cluster.Status?.StateChangeReason;
  if (reason?.Code === "BOOTSTRAP_FAILURE") return explainFailedBootstrap(reader, failure, reason.Message);
  return explainInterruption(reader, failure);
}
