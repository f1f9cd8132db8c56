import { executionTag } from "../../../lambdas/contract/tags.ts";
import type { Reason, Status } from "../../../local/emr/cluster-record.ts";
import type { JobFlowRequest, Tag } from "../../../local/emr/request-rules.ts";

export interface Step {
  readonly Id: string;
  readonly Name: string;
  readonly ActionOnFailure: string;
  readonly Config: { readonly Jar: string; readonly Args: readonly string[] };
  readonly Status: Status;
}

export interface Cluster {
  readonly Id: string;
  readonly Name: string;
  readonly Status: Status;
  Tags: readonly Tag[];
  TerminationProtected: boolean;
  readonly request: JobFlowRequest;
  readonly steps: Step[];
  idleSinceMs: number | undefined;
  idleTimeoutSeconds: number | undefined;
  /** Time of the change to TERMINATING, in ms. */
  endingSince: number | undefined;
}

const endedClusterStates = ["TERMINATED", "TERMINATED_WITH_ERRORS"];
const endedStates = [...endedClusterStates, "COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"];

export function isGone({ Status: { State: state } }: Cluster): boolean {
  return endedClusterStates.includes(state);
}

export function isEnding(cluster: Cluster): boolean {
  return cluster.Status.State === "TERMINATING" || isGone(cluster);
}

/** Tells whether a step is pending or running. */
export function isActive({ Status: { State: state } }: Step): boolean {
  return ["PENDING", "RUNNING", "CANCEL_PENDING"].includes(state);
}

/** Returns the ARN of the execution for which a cluster was created. */
export function ownerOf({ Tags: tags }: Cluster): string | undefined {
  return tags.find(({ Key }) => Key === executionTag)?.Value;
}

/** Returns the run to which a step belongs, because several runs may share a cluster. */
export function runOf(step: Step): string {
  return /\/runs\/([^/]+)\//.exec(step.Config.Args.at(-1) ?? "")?.[1] ?? "";
}

export function newStatus(state: string, nowMs: number): Status {
  return { State: state, StateChangeReason: {}, Timeline: { CreationDateTime: nowMs / 1000 } };
}

/** Changes the state of a cluster or step. Ignores changes of an ended one, and from TERMINATING back to a live state. */
export function transition(status: Status, state: string, nowMs: number, reason: Reason = {}): void {
  const leavesTerminating = status.State === "TERMINATING" && !endedClusterStates.includes(state);
  if (endedStates.includes(status.State) || leavesTerminating) return;
  status.State = state;
  status.StateChangeReason = reason;
  if (endedStates.includes(state)) status.Timeline.EndDateTime = nowMs / 1000;
}
