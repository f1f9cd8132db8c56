import { randomInt } from "node:crypto";
import { epochSeconds } from "../support/aws-error.ts";
import type { ManagedScalingPolicy } from "./instance-rules.ts";
import type { JobFlowRequest, StepRequest, Tag } from "./request-rules.ts";

/** EMR's ClusterStateChangeReason and StepStateChangeReason. */
export interface Reason {
  readonly Code?: string;
  readonly Message?: string;
}

/** EMR's ClusterStatus and StepStatus; times in seconds since the epoch. */
export interface Status {
  State: string;
  StateChangeReason: Reason;
  Timeline: { CreationDateTime: number; ReadyDateTime?: number; StartDateTime?: number; EndDateTime?: number };
  FailureDetails?: { readonly Reason?: string; readonly Message?: string; readonly LogFile?: string };
}

export interface Step {
  readonly Id: string;
  readonly Name: string;
  readonly Config: { readonly Jar: string; readonly Args: readonly string[]; readonly Properties: object };
  readonly ActionOnFailure: string;
  readonly Status: Status;
}

/** A cluster as cluster.json stores it. */
export interface Cluster {
  readonly Id: string;
  readonly request: JobFlowRequest;
  readonly Status: Status;
  readonly steps: Step[];
  tags: readonly Tag[];
  terminationProtected: boolean;
  idleTimeoutSeconds: number | undefined;
  managedScaling: ManagedScalingPolicy | undefined;
}

const endedClusterStates = ["TERMINATED", "TERMINATED_WITH_ERRORS"];
const endedStepStates = ["COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"];

/** Creates the record of a cluster in the state STARTING. */
export function newCluster(request: JobFlowRequest): Cluster {
  return {
    Id: `j-${randomId(13)}`,
    request,
    Status: newStatus("STARTING"),
    steps: (request.Steps ?? []).map(newStep),
    tags: request.Tags ?? [],
    terminationProtected: request.Instances.TerminationProtected ?? false,
    idleTimeoutSeconds: request.AutoTerminationPolicy?.IdleTimeout,
    managedScaling: request.ManagedScalingPolicy,
  };
}

/** Creates the record of a PENDING step. */
export function newStep(request: StepRequest): Step {
  const { Jar: jar, Args: args } = request.HadoopJarStep;
  return {
    Id: `s-${randomId(13)}`,
    Name: request.Name,
    Config: { Jar: jar, Args: args ?? [], Properties: {} },
    ActionOnFailure: request.ActionOnFailure ?? "TERMINATE_CLUSTER",
    Status: newStatus("PENDING"),
  };
}

/** Moves a cluster or a step to another state. A cluster that has ended stays as it is, and TERMINATING leads to the end. */
export function transition(status: Status, state: string, reason: Reason): void {
  const isFinal = endedClusterStates.includes(status.State);
  const leavesTerminating = status.State === "TERMINATING" && !endedClusterStates.includes(state);
  if (status.State === state || isFinal || leavesTerminating) {
    return;
  }
  status.State = state;
  status.StateChangeReason = reason;
  if ([...endedClusterStates, ...endedStepStates].includes(state)) {
    status.Timeline.EndDateTime = epochSeconds();
  }
}

export function hasEnded({ Status: { State: state } }: Cluster): boolean {
  return endedClusterStates.includes(state);
}

/** Tells whether a step is pending or running. */
export function isActive({ Status: { State: state } }: Step): boolean {
  return state === "PENDING" || state === "RUNNING";
}

function newStatus(state: string): Status {
  return { State: state, StateChangeReason: {}, Timeline: { CreationDateTime: epochSeconds() } };
}

/** Generates an id of A-Z and 0-9, the alphabet of EMR's ids. */
function randomId(length: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
}
