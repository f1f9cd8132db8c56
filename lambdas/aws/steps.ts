import {
  CancelStepsCommand,
  type EMRClient,
  ListStepsCommand,
  type StepState,
  type StepSummary,
} from "@aws-sdk/client-emr";
import { isEnding, stateOf } from "./cluster-states.ts";
import { describeCluster } from "./emr.ts";
import { isNamed } from "./errors.ts";

const activeStates: readonly StepState[] = ["PENDING", "CANCEL_PENDING", "RUNNING"];

export function isActive({ Status }: StepSummary): boolean {
  return Status?.State !== undefined && activeStates.includes(Status.State);
}

/** The run that a step is of, by the plan that its arguments name; undefined: it is none of the workflow's. */
export function runOf({ Config }: StepSummary): string | undefined {
  for (const argument of Config?.Args ?? []) {
    const run = /^s3:\/\/[^/]+\/runs\/(.+)\/plan\.json$/.exec(argument)?.[1];
    if (run !== undefined) return run;
  }
  return undefined;
}

/** A cluster's latest steps, at most 50, the newest first, as EMR answers them. */
export async function latestSteps(emr: EMRClient, clusterId: string): Promise<readonly StepSummary[]> {
  const { Steps = [] } = await emr.send(new ListStepsCommand({ ClusterId: clusterId }));
  return Steps;
}

async function cancelStepsOf(emr: EMRClient, clusterId: string, runId: string): Promise<void> {
  const steps = await latestSteps(emr, clusterId);
  const ids = steps.filter((step) => isActive(step) && runOf(step) === runId).flatMap(({ Id }) => Id ?? []);
  if (ids.length === 0) return;
  const { CancelStepsInfoList: answers = [] } = await emr.send(
    // The client of the YARN application, which has nothing to put in order before it goes.
    new CancelStepsCommand({ ClusterId: clusterId, StepIds: ids, StepCancellationOption: "TERMINATE_PROCESS" }),
  );
  const refused = answers.filter(({ Status }) => Status === "FAILED");
  if (refused.length > 0) {
    const reasons = refused.map(({ StepId, Reason }) => `${StepId} (${Reason})`);
    throw new Error(`Steps of ${runId} on cluster ${clusterId} were not cancelled: ${reasons.join(", ")}`);
  }
}

/**
 * Leaves a cluster that a run had borrowed: cancels the steps that the run still has there, so that it is free for the
 * next. Repeatable.
 *
 * @returns the cluster's state; undefined when there is no such cluster, and never was
 * @throws Error when EMR refuses to cancel a step
 */
export async function leaveBorrowed(emr: EMRClient, clusterId: string, runId: string): Promise<string | undefined> {
  let state: string;
  try {
    state = stateOf(await describeCluster(emr, clusterId));
  } catch (error) {
    if (isNamed(error, "InvalidRequestException") && /Cluster id .* is not valid/.test(error.message)) return undefined;
    throw error;
  }
  if (!isEnding(state)) await cancelStepsOf(emr, clusterId, runId);
  return state;
}

/** The id of the kept cluster that an execution's input names: that is all that a status change tells of it. */
export function clusterIdIn(input: string | null | undefined): string | undefined {
  // No execution has run with an input that is no JSON; one that is too long for the event is missing.
  const { cluster } = (JSON.parse(input ?? "null") ?? {}) as { cluster?: { id?: unknown } | null };
  return typeof cluster?.id === "string" ? cluster.id : undefined;
}
