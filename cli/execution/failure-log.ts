import { describeError, isNamed } from "../../lambdas/aws/errors.ts";
import { objectExists, parseS3Uri, readBytes, type S3Location, s3UriOf } from "../../lambdas/aws/s3.ts";
import { listSteps } from "../../lambdas/aws/steps.ts";
import type { Diagnosis } from "../../lambdas/contract/failure.ts";
import { emrLogsPrefix } from "../../lambdas/contract/s3-layout.ts";
import { partialStateSchema } from "../../lambdas/contract/state-data.ts";
import { isNoise, lastLines, logLines, rootCause } from "../../shared/root-cause.ts";
import { unzipEnd } from "../../shared/unzip-end.ts";
import type { Clients } from "../account/aws-clients.ts";
import { findUsedCluster, type Report, type StateData } from "./run-report.ts";

/** Only the end of a longer log is kept: the last error is the relevant one. */
const maxLogBytes = 64 * 1024 * 1024;
const linesBefore = 15;
const linesAfter = 5;

/** Where EMR writes all logs of a cluster. */
export function clusterLogs(bucket: string, clusterId: string): S3Location {
  return { bucket, key: `${emrLogsPrefix}${clusterId}/` };
}

/** Id of the cluster that has the run's logs; undefined when the run had no cluster. */
export function clusterOf(data: StateData, { cluster }: Pick<Report, "cluster">): string | undefined {
  return findUsedCluster(data) ?? diagnosisIn(data)?.cluster?.id ?? cluster?.id;
}

/** DiagnoseFailure's explanation; undefined for a run that has not failed, or was stopped. */
export function diagnosisIn(data: StateData): Diagnosis | undefined {
  return partialStateSchema.parse(data).diagnosis;
}

/** Finds the log of the cluster's failed step; undefined when no step failed or its log has not arrived yet. */
export async function findFailedStepLog(
  { emr, s3 }: Clients,
  bucket: string,
  clusterId: string,
): Promise<string | undefined> {
  const stepId = (await listSteps(emr, clusterId, ["FAILED"]))[0]?.Id;
  if (stepId === undefined) return undefined;
  const log = { bucket, key: `${clusterLogs(bucket, clusterId).key}steps/${stepId}/stderr.gz` };
  return (await objectExists(s3, log)) ? s3UriOf(log) : undefined;
}

/** Reads the text of a log, or its last 64 MiB; undefined when it does not exist (any more). */
export async function readLogText({ s3 }: Clients, uri: string): Promise<Uint8Array | undefined> {
  try {
    const content = await readBytes(s3, parseS3Uri(uri));
    return uri.endsWith(".gz") ? await unzipEnd(content, maxLogBytes) : content.subarray(-maxLogBytes);
  } catch (error) {
    if (isNamed(error, "NoSuchKey")) return undefined;
    throw new Error(`${uri} could not be read: ${describeError(error)}`, { cause: error });
  }
}

/** A part of a log. */
export interface LogPart {
  readonly lines: readonly string[];
  /** Index of the line with the cause; null when the log does not show one. */
  readonly causeAt: number | null;
}

/** The informative lines around the root cause in a log, or its last ones if it shows no cause. */
export function linesAroundCause(log: string): LogPart {
  const cause = rootCause(log);
  const lines = logLines(log).filter((line) => !isNoise(line));
  const at = cause === undefined ? -1 : lines.findLastIndex((line) => line.includes(cause.line));
  if (at < 0) return { lines: lastLines(log), causeAt: null };
  const from = Math.max(0, at - linesBefore);
  return { lines: lines.slice(from, at + linesAfter + 1), causeAt: at - from };
}
