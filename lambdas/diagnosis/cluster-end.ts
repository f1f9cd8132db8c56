import type { Cluster, StepStatus } from "@aws-sdk/client-emr";
import { z } from "zod";
import { oneLine } from "../../shared/bounded-text.ts";
import { describeTime, plural } from "../../shared/formatting.ts";
import { maxHoursOf } from "../aws/emr.ts";
import type { Plan } from "../contract/plan.ts";
import { hourMs } from "../planning/hourly-price.ts";
import { ageMs } from "../teardown/cluster-age.ts";
import { explainClusterMessage } from "./cluster-failures.ts";
import type { Explanation } from "./failure-pattern.ts";

const statusSchema = z.object({
  State: z.string().default("FAILED"),
  FailureDetails: z.object({ Message: z.string().optional(), Reason: z.string().optional() }).optional(),
  StateChangeReason: z.object({ Message: z.string().optional() }).optional(),
});
const quotedSchema = z.object({
  Step: z.object({ Status: statusSchema }).optional(),
  Cluster: z.object({ Status: statusSchema }).optional(),
});

const noReason = "EMR gives no reason";

/** EMR's reason for the end of a step or a cluster. */
function reasonOf(status: Pick<StepStatus, "FailureDetails" | "StateChangeReason"> | undefined): string | undefined {
  return (
    status?.FailureDetails?.Message || status?.FailureDetails?.Reason || status?.StateChangeReason?.Message || undefined
  );
}

/** Describes how a step ended, by the status that EMR reports. */
export function describeStepEnd(
  status: Pick<StepStatus, "FailureDetails" | "StateChangeReason"> & { readonly State?: string | undefined },
): string {
  const reason = reasonOf(status);
  if (status.State !== "CANCELLED" && status.State !== "INTERRUPTED") return reason ?? `The step failed; ${noReason}`;
  const end =
    status.State === "CANCELLED" ? "Something other than this run cancelled the step" : "The step was interrupted";
  return reason === undefined ? `${end}; ${noReason}` : `${end} (${reason})`;
}

/**
 * Describes the end of the step or the cluster for which a task waited.
 *
 * @param cause the task's cause as JSON: EMR's last response
 * @returns undefined if the cause contains neither a step nor a cluster
 */
export function describeQuotedEnd(cause: unknown): string | undefined {
  const { Step: step, Cluster: cluster } = quotedSchema.safeParse(cause).data ?? {};
  if (step) return describeStepEnd(step.Status);
  return cluster && (reasonOf(cluster.Status) ?? `The cluster is ${cluster.Status.State}; ${noReason}`);
}

/** Whether EMR reports that a step was terminated together with its cluster. */
export function isJobTerminated(text: string): boolean {
  return /\bJob terminated\b/.test(text);
}

type ClusterEnd = Explanation & { readonly cause: string };

/** Codes that explain no failure: the steps ended, or a request, perhaps the teardown's, terminated the cluster. */
const uninformativeCodes = ["USER_REQUEST", "ALL_STEPS_COMPLETED", "STEP_FAILURE", ""];

/**
 * Explains why a cluster ended without a request: a lost node, missing capacity, or an error of EMR.
 *
 * @param isReady whether the cluster had started, so that steps could run
 * @returns undefined if the cluster is alive, or ended by a request
 */
export function explainTermination({ Status: status }: Cluster, plan: Plan, isReady: boolean): ClusterEnd | undefined {
  const { Code: code = "", Message: message } = status?.StateChangeReason ?? {};
  const detail = status?.ErrorDetails?.[0];
  if (!detail?.ErrorMessage && uninformativeCodes.includes(code)) return undefined;
  const cause = oneLine(
    detail?.ErrorMessage ? `${detail.ErrorMessage} (${detail.ErrorCode})` : message || `The cluster ended with ${code}`,
  );
  return { cause, ...explainClusterMessage(cause, plan.cluster, isReady ? "job-fails" : undefined) };
}

/**
 * Explains which request terminated a cluster that the run still needed: at its deadline, at its maximum age, or by
 * somebody else.
 *
 * @param isReady whether the cluster had started, so that steps could run
 * @param endedBeforeTeardown whether EMR reported the end to the failed task, so that it precedes the teardown
 * @returns undefined if there was no request, or only the teardown's
 */
export function explainRequestedTermination(
  cluster: Cluster,
  { borrowed }: Plan,
  isReady: boolean,
  endedBeforeTeardown: boolean,
): ClusterEnd | undefined {
  const { StateChangeReason: reason, Timeline: timeline } = cluster.Status ?? {};
  if (reason?.Code !== "USER_REQUEST") return undefined;
  const now = new Date();
  const onNewCluster = "Start again without cluster.id, on a new cluster; computed features are kept";
  if (borrowed && Date.parse(borrowed.until) <= (timeline?.EndDateTime ?? now).getTime()) {
    const cause = `The cluster was kept until ${describeTime(borrowed.until)} and then terminated`;
    return { cause, section: "a-cluster-is-kept", remedy: onNewCluster };
  }
  if (ageMs(cluster, now) > maxHoursOf(cluster) * hourMs) {
    return {
      cause: `The cluster was ended after ${plural(maxHoursOf(cluster), "hour")}, which is all that maxCostUsd${borrowed ? " of the run that created it" : ""} pays for`,
      section: "costs-too-high",
      remedy: borrowed ? onNewCluster : "Start again with a higher maxCostUsd; computed features are kept",
    };
  }
  if (!endedBeforeTeardown) return undefined;
  return {
    cause: `Something other than this run terminated the cluster (${reason.Message || noReason})`,
    section: isReady ? "job-fails" : "cluster-does-not-start",
    remedy: borrowed
      ? onNewCluster
      : "Start again: computed features are kept. On AWS, the event TerminateJobFlows in CloudTrail shows who terminated it",
  };
}
