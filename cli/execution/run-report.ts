import type { DescribeExecutionOutput } from "@aws-sdk/client-sfn";
import { z } from "zod";
import { isGone } from "../../lambdas/aws/cluster-states.ts";
import { type StateVisit, secondsIn } from "../../lambdas/aws/state-visits.ts";
import type { KeptCluster } from "../../lambdas/contract/cluster-plan.ts";
import type { Cost } from "../../lambdas/contract/cost.ts";
import type { LeftOut } from "../../lambdas/contract/image-tree.ts";
import { reportFile } from "../../lambdas/contract/s3-layout.ts";
import { partialStateSchema } from "../../lambdas/contract/state-data.ts";
import type { Mail } from "../account/mailbox-subscription.ts";
import type { StepLog } from "./download-run.ts";
import type { Cluster } from "./watch-execution.ts";

/** The state data of an execution, as its last state received it. */
export type StateData = Readonly<Record<string, unknown>>;

/** s3:// folder of the earlier run whose results are valid for this one; null when the run computed its own. */
export function findReusedRun(data: StateData): string | null {
  return partialStateSchema.parse(data).plan?.reuse?.run ?? null;
}

/** Id of the cluster that ran the steps, created or reused. */
export function findUsedCluster(data: StateData): string | null {
  return partialStateSchema.parse(data).cluster?.id ?? null;
}

/** The outcome of a run, which --json prints. */
export interface Report {
  readonly runId: string;
  readonly executionArn: string;
  readonly status: string;
  readonly mode: string | null;
  readonly weights: string | null;
  /** The precision in which the model computed. */
  readonly precision: string | null;
  readonly images: number | null;
  readonly labels: number | null;
  readonly errors: number | null;
  /** Images whose features this run computed. */
  readonly computed: number | null;
  /** Images whose features came from earlier runs. */
  readonly reused: number | null;
  /** s3:// folder of the earlier run whose results are valid for this one; null when the run computed its own. */
  readonly reusedRun: string | null;
  readonly components: number | null;
  /** Share of the variance that the components keep, 0 to 1. */
  readonly variance: number | null;
  readonly warnings: readonly string[];
  /** Names of the used splits; empty in a tree without splits. */
  readonly splits: readonly string[];
  readonly unusedSplits: readonly string[];
  /** The files that are no images of the tree, in the dataset's folder or else on S3. */
  readonly leftOut: readonly LeftOut[];
  readonly states: readonly { name: string; seconds: number; failed: boolean; retries: number }[];
  readonly error: { readonly name: string; readonly cause: string; readonly log: StepLog | null } | null;
  /** `folder` has the copy on this machine, and is null without one. `files` is null if they were not counted. */
  readonly results: { readonly folder: string | null; readonly uri: string; readonly files: number | null };
  /** s3:// URI of the page about the run, or about the earlier run with its results; null when there is none. */
  readonly page: string | null;
  /** The cluster's cost, which is not final while the cluster is kept; null when it is not known. */
  readonly cost: Cost | null;
  /** The cost that Preflight expected; null when it made no plan. */
  readonly quotedUsd: number | null;
  readonly mail: Mail | null;
  readonly cluster: (Cluster & { readonly terminated: boolean }) | null;
  /** The cluster that outlives the run, kept or reused, with its price on AWS. */
  readonly kept: KeptCluster | null;
  readonly seconds: number;
}

export interface ReportParts {
  readonly runId: string;
  readonly executionArn: string;
  readonly status: string;
  readonly error: Report["error"];
  readonly data: StateData;
  readonly visits: readonly StateVisit[];
  readonly results: Report["results"];
  readonly mail: Mail | undefined;
  readonly cluster: Cluster | undefined;
  readonly seconds: number;
  /** The files of a dataset's folder that were not uploaded; undefined if the run used what S3 has. */
  readonly leftOut?: readonly LeftOut[] | undefined;
}

/** Summarizes a run from the execution's state data, its history and the account. */
export function makeReport({ data, visits, cluster, mail, leftOut, ...rest }: ReportParts): Report {
  const { plan, validation: ownValidation, kept, cost, cluster: used, report } = partialStateSchema.parse(data);
  const reuse = plan?.reuse;
  const validation = ownValidation ?? reuse?.validation;
  // When an earlier run's results are valid, this run computed no features.
  const features = reuse ? { computed: 0, reused: reuse.validation.images + reuse.validation.errors } : validation;
  return {
    ...rest,
    mode: plan?.mode ?? null,
    weights: plan?.model.weights ?? null,
    precision: plan?.precision ?? null,
    images: validation?.images ?? plan?.counts.images ?? null,
    labels: validation?.labels ?? plan?.counts.labels ?? null,
    errors: validation?.errors ?? null,
    computed: features?.computed ?? null,
    reused: features?.reused ?? null,
    reusedRun: reuse?.run ?? null,
    components: validation?.components ?? null,
    variance: validation?.variance ?? null,
    warnings: validation?.warnings ?? [],
    splits: plan?.usedSplits ?? [],
    unusedSplits: plan?.unusedSplits ?? [],
    leftOut: [...(leftOut ?? []), ...(plan?.leftOut ?? [])],
    states: visits.map((visit) => ({
      name: visit.name,
      seconds: secondsIn(visit),
      failed: visit.failed,
      retries: visit.retries,
    })),
    mail: mail ?? null,
    page: report?.uri ?? (reuse ? `${reuse.run}${reportFile}` : null),
    cost: cost ?? null,
    quotedUsd: plan?.estimate.usd ?? null,
    cluster: cluster ? { ...cluster, terminated: isGone(cluster.state) } : null,
    kept: kept ?? (used ? plan?.borrowed : undefined) ?? null,
  };
}

const lambdaErrorSchema = z.object({ errorMessage: z.string() });

/** The error of an execution that has ended; null when it succeeded or is running. */
export function errorOf({ status, error, cause }: DescribeExecutionOutput, log: StepLog | null): Report["error"] {
  if (status === "SUCCEEDED" || status === "RUNNING") return null;
  return { name: error ?? status ?? "Unknown", cause: readCause(cause), log };
}

/** Extracts the message from the cause, which is JSON for an error of a Lambda function. */
function readCause(cause: string | undefined): string {
  const text = cause ?? "no cause was given";
  try {
    return lambdaErrorSchema.parse(JSON.parse(text)).errorMessage;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return text;
    throw error;
  }
}
