import { CancelStepsCommand, type EMRClient } from "@aws-sdk/client-emr";
import { isEnding, stateOf } from "../aws/cluster-states.ts";
import { describeCluster } from "../aws/emr.ts";
import { isNamed } from "../aws/errors.ts";
import { isActive, listSteps, runOf } from "../aws/steps.ts";

async function cancelStepsOf(emr: EMRClient, clusterId: string, runId: string): Promise<void> {
  const steps = await listSteps(emr, clusterId);
  const ids = steps.filter((step) => isActive(step) && runOf(step) === runId).flatMap(({ Id }) => Id ?? []);
  if (ids.length === 0) return;
  const { CancelStepsInfoList: answers = [] } = await emr.send(
    // This ends the YARN application's client process, which has nothing to clean up.
    new CancelStepsCommand({ ClusterId: clusterId, StepIds: ids, StepCancellationOption: "TERMINATE_PROCESS" }),
  );
  const refused = answers.filter(({ Status }) => Status === "FAILED");
  if (refused.length > 0) {
    const reasons = refused.map(({ StepId, Reason }) => `${StepId} (${Reason})`);
    throw new Error(`Steps of ${runId} on cluster ${clusterId} were not cancelled: ${reasons.join(", ")}`);
  }
}

/**
 * Cancels the steps that a run still has on a reused cluster, so that the cluster is free for the next run. Safe to
 * repeat.
 *
 * @returns the cluster's state; undefined if the cluster never existed
 * @throws Error if EMR refuses to cancel a step
 */
export async function leaveReusedCluster(
  emr: EMRClient,
  clusterId: string,
  runId: string,
): Promise<string | undefined> {
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
