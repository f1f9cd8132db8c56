import type { Cluster, StepStatus } from "@aws-sdk/client-emr";
import { z } from "zod";
import type { Plan } from "../contract/plan.ts";
import { describeTime } from "../mail/formatting.ts";
import { hourMs } from "../planning/hourly-price.ts";
import { ageMs, maxHoursOf } from "../teardown/cluster-age.ts";
import { readClusterMessage } from "./cluster-failures.ts";
import type { Explanation } from "./failure-pattern.ts";
import { oneLine } from "./root-cause.ts";

const status = z.object({
  State: z.string().default("FAILED"),
  FailureDetails: z.object({ Message: z.string().optional(), Reason: z.string().optional() }).optional(),
  StateChangeReason: z.object({ Message: z.string().optional() }).optional(),
});
const quoted = z.object({
  Step: z.object({ Status: status }).optional(),
  Cluster: z.object({ Status: status }).optional(),
});

const noReason = "EMR gives no reason";

/** EMR's own words on how a step or a cluster ended. */
function reasonOf(given: Pick<StepStatus, "FailureDetails" | "StateChangeReason"> | undefined): string | undefined {
  return (
    given?.FailureDetails?.Message || given?.FailureDetails?.Reason || given?.StateChangeReason?.Message || undefined
  );
}

/**
 * How a step ended, in words.
 *
 * @param given its status, as EMR answers it
 */
export function describeStepEnd(
  given: Pick<StepStatus, "FailureDetails" | "StateChangeReason"> & { readonly State?: string | undefined },
): string {
  const reason = reasonOf(given);
  if (given.State !== "CANCELLED" && given.State !== "INTERRUPTED") return reason ?? `The step failed; ${noReason}`;
  const words = given.State === "CANCELLED" ? "The step was cancelled, not by this run" : "The step was interrupted";
  return reason === undefined ? `${words}; ${noReason}` : `${words} (${reason})`;
}

/**
 * How the step or the cluster ended that Step Functions waited for, in words.
 *
 * @param cause of the task's failure, parsed: what EMR answered last
 * @returns undefined when it is about neither
 */
export function describeQuotedEnd(cause: unknown): string | undefined {
  const { Step: step, Cluster: cluster } = quoted.safeParse(cause).data ?? {};
  if (step) return describeStepEnd(step.Status);
  return cluster && (reasonOf(cluster.Status) ?? `The cluster is ${cluster.Status.State}; ${noReason}`);
}

/** What EMR says when a cluster's end took the step with it. */
export function isJobTerminated(text: string): boolean {
  return /\bJob terminated\b/.test(text);
}

type ClusterEnd = Explanation & { readonly says: string };

/** Reasons that say how the cluster ended and not what went wrong: the teardown's, as anybody's. */
const requested = ["USER_REQUEST", "ALL_STEPS_COMPLETED", "STEP_FAILURE", ""];

/**
 * Why a cluster died of itself: a lost node, no capacity, EMR's own failure.
 *
 * @param isReady it had come up: steps could run
 * @returns undefined when it lives, or was ended by a request
 */
export function explainTermination({ Status: given }: Cluster, plan: Plan, isReady: boolean): ClusterEnd | undefined {
  const { Code: code = "", Message: message } = given?.StateChangeReason ?? {};
  const detail = given?.ErrorDetails?.[0];
  if (!detail?.ErrorMessage && requested.includes(code)) return undefined;
  const says = oneLine(
    detail?.ErrorMessage ? `${detail.ErrorMessage} (${detail.ErrorCode})` : message || `The cluster died of ${code}`,
  );
  return { says, ...readClusterMessage(says, plan.cluster, isReady ? "job-fails" : undefined) };
}

/**
 * Who ended a cluster that the run still needed, and why: its deadline, its age, or somebody.
 *
 * @param isReady it had come up: steps could run
 * @param isTold EMR has said that it was the cluster's end that took the step: the teardown's comes later
 * @returns undefined when it was ended by no request, or by the teardown's
 */
export function explainRequestedTermination(
  cluster: Cluster,
  { borrowed }: Plan,
  isReady: boolean,
  isTold: boolean,
): ClusterEnd | undefined {
  const { StateChangeReason: reason, Timeline: timeline } = cluster.Status ?? {};
  if (reason?.Code !== "USER_REQUEST") return undefined;
  const now = new Date();
  const newOne = "Start again without cluster.id, on a cluster of its own; features that are done are kept";
  if (borrowed && Date.parse(borrowed.until) <= (timeline?.EndDateTime ?? now).getTime()) {
    const says = `The cluster was kept until ${describeTime(borrowed.until)}, and was ended then`;
    return { says, section: "a-cluster-is-kept", remedy: newOne };
  }
  if (ageMs(cluster, now) > maxHoursOf(cluster) * hourMs) {
    return {
      says: `The cluster was ended after ${maxHoursOf(cluster)} hours, which is all that maxCostUsd${borrowed ? " of the run that created it" : ""} pays for`,
      section: "costs-too-high",
      remedy: borrowed ? newOne : "Start again with a higher maxCostUsd; features that are done are kept",
    };
  }
  if (!isTold) return undefined;
  return {
    says: `The cluster was ended, not by this run (${reason.Message || noReason})`,
    section: isReady ? "job-fails" : "cluster-does-not-start",
    remedy: borrowed
      ? newOne
      : "Start again: features that are done are kept. On AWS, TerminateJobFlows in CloudTrail's event history tells who it was",
  };
}
