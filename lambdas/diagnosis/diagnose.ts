import type { Cluster, EMRClient } from "@aws-sdk/client-emr";
import type { S3Client } from "@aws-sdk/client-s3";
import { oneLine } from "../../shared/bounded-text.ts";
import { stateOf } from "../aws/cluster-states.ts";
import { listInstances, tagOf } from "../aws/emr.ts";
import { describeError } from "../aws/errors.ts";
import type { Cost } from "../contract/cost.ts";
import type { Execution } from "../contract/execution.ts";
import { type Diagnosis, shortCause } from "../contract/failure.ts";
import type { PartialState } from "../contract/state-data.ts";
import { executionTag } from "../contract/tags.ts";
import { trueCost } from "../planning/true-cost.ts";
import type { Environment } from "../runtime/environment.ts";
import { logger } from "../runtime/handler.ts";
import { explainClusterMessage } from "./cluster-failures.ts";
import { explainClusterFailure, inspectCluster, type LogReader } from "./explain-cluster-failure.ts";
import { failedFunction, inferFailedState } from "./failed-state.ts";
import { findFailedCluster } from "./find-failed-cluster.ts";
import { describeFirstError, type FirstError } from "./first-error.ts";
import { explainFunctionError, explainUnexpectedError } from "./function-failures.ts";
import type { Polling } from "./log-files.ts";
import { type FailureReport, report } from "./report.ts";

/** The failed run, as the state machine passes it. */
export interface FailedRun {
  readonly state: PartialState;
  readonly execution: Execution;
}

export interface DiagnoseClients {
  readonly s3: S3Client;
  readonly emr: EMRClient;
}

/** EMR uploads logs every few minutes and when the cluster ends, so the logs usually arrive within 30 s. */
const defaultPolling: Polling = { attempts: 10, pauseMs: 3_000 };

/** Explains a failure after the validation: the results are valid, but the cluster could not be kept or terminated. */
function explainAfterValidation(state: PartialState, { isFromFunction }: FirstError, cause: string): FailureReport {
  const failedState = inferFailedState(state);
  const section = failedState === "KeepCluster" ? "a-cluster-is-kept" : "a-cluster-is-left";
  const explanation = isFromFunction ? explainUnexpectedError(cause) : { remedy: null };
  return report(failedState, cause, { ...explanation, section });
}

async function explainFailure(
  { state }: FailedRun,
  clusterLookup: Promise<Cluster | undefined>,
  reader: LogReader,
  emr: EMRClient,
): Promise<FailureReport> {
  const first = describeFirstError(state.error);
  const cause = oneLine(first.text);
  const { plan, error, validation } = state;
  if (validation) return explainAfterValidation(state, first, cause);
  if (first.isFromFunction || !plan || state.scripts === undefined) {
    const failedState = first.isFromFunction && state.cluster && plan ? failedFunction(plan) : inferFailedState(state);
    return report(failedState, cause, explainFunctionError(error?.Error, cause));
  }
  const cluster = await clusterLookup;
  // Without a cluster, EMR has refused RunJobFlow itself.
  if (!cluster?.Id) return report(inferFailedState(state), cause, explainClusterMessage(cause, plan.cluster));
  return explainClusterFailure(reader, await inspectCluster(emr, cluster, plan, state, cause));
}

/** Computes the cost of the failed run's cluster; null if there was none or EMR does not answer. */
async function costOf(
  { state: { plan }, execution }: FailedRun,
  cluster: Cluster,
  emr: EMRClient,
): Promise<Cost | null> {
  if (!plan || cluster.Id === undefined) return null;
  try {
    const instances = await listInstances(emr, cluster.Id);
    return trueCost(plan, 0, cluster, instances, new Date(execution.startTime), new Date());
  } catch (error) {
    // The cause is more important than the cost, so continue without it.
    logger.warn("The cluster's cost is unknown", { error });
    return null;
  }
}

/** The cluster, if this execution created it. The state data lacks it if CreateCluster failed. */
function ownCluster(cluster: Cluster, { execution }: FailedRun): Diagnosis["cluster"] {
  return cluster.Id !== undefined && tagOf(cluster, executionTag) === execution.id
    ? { id: cluster.Id, state: stateOf(cluster) }
    : null;
}

/**
 * Finds the root cause of a run's first error: a function's message, or a line in the log of a step or a bootstrap
 * action. Never throws, because the mail about the failure must be sent even if the diagnosis fails; the cause is then
 * the first error's.
 */
export async function diagnoseFailure(
  run: FailedRun,
  config: Pick<Environment, "DATA_BUCKET">,
  { s3, emr }: DiagnoseClients,
  polling: Polling = defaultPolling,
): Promise<Diagnosis> {
  const { state } = run;
  const clusterLookup = findFailedCluster(state, run.execution, emr);
  const found = await clusterLookup.catch((error: unknown) => {
    logger.warn("The cluster is unknown", { error });
  });
  const cluster = found ? ownCluster(found, run) : null;
  const cost = found ? await costOf(run, found, emr) : null;
  try {
    const reader = { s3, bucket: config.DATA_BUCKET, polling };
    const explained = await explainFailure(run, clusterLookup, reader, emr);
    return { ...explained, cause: shortCause(explained.cause), cluster, cost };
  } catch (error) {
    logger.error("The diagnosis failed", { error });
    const { text } = describeFirstError(state.error);
    const cause = shortCause(`${text} (the logs could not be read: ${describeError(error)})`);
    return { ...report(inferFailedState(state), cause, { section: "job-fails", remedy: null }), cluster, cost };
  }
}
