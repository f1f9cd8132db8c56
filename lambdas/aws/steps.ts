import { type EMRClient, paginateListSteps, type StepState, type StepSummary } from "@aws-sdk/client-emr";
import { clusterIdPattern } from "../contract/cluster-knobs.ts";
import { runIdOfPlanUri } from "../contract/s3-layout.ts";

const activeStates: readonly StepState[] = ["PENDING", "CANCEL_PENDING", "RUNNING"];

export function isActive({ Status }: StepSummary): boolean {
  return Status?.State !== undefined && activeStates.includes(Status.State);
}

/** Finds a step's run by the plan.json in the step's arguments; undefined if they name none. */
export function runOf({ Config }: StepSummary): string | undefined {
  for (const argument of Config?.Args ?? []) {
    const run = runIdOfPlanUri(argument);
    if (run !== undefined) return run;
  }
  return undefined;
}

/** A cluster's steps, newest first. */
export async function listSteps(
  client: EMRClient,
  ClusterId: string,
  StepStates?: StepState[],
): Promise<readonly StepSummary[]> {
  const found: StepSummary[] = [];
  for await (const { Steps = [] } of paginateListSteps({ client }, { ClusterId, StepStates })) found.push(...Steps);
  return found;
}

/** Reads the kept cluster's id from an execution input, because a status change names the cluster nowhere else. */
export function clusterIdIn(input: string | null | undefined): string | undefined {
  // The input is always JSON, because Step Functions accepts nothing else. The event omits an input that is too long.
  const { cluster } = (JSON.parse(input ?? "null") ?? {}) as { cluster?: { id?: unknown } | null };
  const id = cluster?.id;
  // Preflight refuses any other id, so there is no such cluster.
  return typeof id === "string" && clusterIdPattern.test(id) ? id : undefined;
}
