import { type EMRClient, ListStepsCommand, type StepState, type StepSummary } from "@aws-sdk/client-emr";
import { runIdOfPlanUri } from "../contract/s3-layout.ts";

const activeStates: readonly StepState[] = ["PENDING", "CANCEL_PENDING", "RUNNING"];

export function isActive({ Status }: StepSummary): boolean {
  return Status?.State !== undefined && activeStates.includes(Status.State);
}

/** The run that a step belongs to, by the plan.json in its arguments; undefined for a step of another origin. */
export function runOf({ Config }: StepSummary): string | undefined {
  for (const argument of Config?.Args ?? []) {
    const run = runIdOfPlanUri(argument);
    if (run !== undefined) return run;
  }
  return undefined;
}

/** A cluster's latest steps, newest first: the first page of ListSteps, which has at most 50. */
export async function latestSteps(emr: EMRClient, clusterId: string): Promise<readonly StepSummary[]> {
  const { Steps = [] } = await emr.send(new ListStepsCommand({ ClusterId: clusterId }));
  return Steps;
}

/** The id of the kept cluster in an execution input, which is all that a status change says about the cluster. */
export function clusterIdIn(input: string | null | undefined): string | undefined {
  // Step Functions only accepts JSON; an input that is too long for the event is missing there.
  const { cluster } = (JSON.parse(input ?? "null") ?? {}) as { cluster?: { id?: unknown } | null };
  return typeof cluster?.id === "string" ? cluster.id : undefined;
}
