import { RedriveExecutionCommand } from "@aws-sdk/client-sfn";
import { z } from "zod";
import { isEnding, stateOf } from "../../lambdas/aws/cluster-states.ts";
import { describeCluster } from "../../lambdas/aws/emr.ts";
import { isNamed } from "../../lambdas/aws/errors.ts";
import { partialStateSchema } from "../../lambdas/contract/state-data.ts";
import { waitUntil } from "../../shared/wait-until.ts";
import type { Clients } from "../account/aws-clients.ts";
import { UsageError } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { ExecutionInput } from "./execution-input.ts";
import type { Run } from "./find-run.ts";
import { isRunning } from "./stop-run.ts";
import { describeExecution, lastData, readHistory } from "./watch-execution.ts";

/** The states that do not need the cluster any more. */
const lastStates: readonly string[] = [
  "ValidateResults",
  "LeaveCluster",
  "TerminateCluster",
  "RecordCost",
  "WriteReport",
  "NotifySuccess",
];

/** A second attempt at a run: the same execution goes on, or a new one has the same input. */
export interface Attempt {
  readonly action: "redrive" | "rerun";
  readonly reason: string;
}

/**
 * Decides whether a redrive can make a run succeed; docs/troubleshooting.md lists the cases.
 *
 * @throws UsageError for a run that has not failed
 */
export async function chooseAttempt(clients: Clients, run: Run): Promise<Attempt> {
  const { runId, status } = run;
  if (isRunning(run)) throw new UsageError(`${runId} is ${status}. Follow it: orchard watch ${runId}`);
  if (status === "SUCCEEDED") {
    throw new UsageError(`${runId} has succeeded. To compute everything again: orchard run --force, with its options.`);
  }
  const { redriveStatus, redriveStatusReason } = await describeExecution(clients, run);
  if (redriveStatus !== "REDRIVABLE") {
    return { action: "rerun", reason: redriveStatusReason ?? `Step Functions says that it is ${redriveStatus}` };
  }
  const events = await readHistory(clients, run, true);
  const entered = events.findLast(({ stateEnteredEventDetails: state }) => state)?.stateEnteredEventDetails;
  const { error, cluster, plan } = partialStateSchema.parse(lastData(events));
  if (error) {
    return {
      action: "rerun",
      reason: `it has cleaned up after ${error.Error}, and a redrive would fail again at once`,
    };
  }
  const name = entered?.name ?? "its first state";
  const mayGoOn: Attempt = { action: "redrive", reason: `it was ${status} in ${name}, where it can go on` };
  if (!cluster || (lastStates.includes(name) && !plan?.keepMinutes)) return mayGoOn;
  const state = await clusterState(clients, cluster.id);
  if (!isEnding(state)) return mayGoOn;
  return {
    action: "rerun",
    reason: `its cluster ${cluster.id} is ${state}; the features that it has computed are reused`,
  };
}

async function clusterState({ emr }: Clients, id: string): Promise<string> {
  try {
    return stateOf(await describeCluster(emr, id));
  } catch (error) {
    // EMR forgets a cluster two months after its end.
    if (isNamed(error, "InvalidRequestException")) return "TERMINATED";
    throw error;
  }
}

/**
 * Reads the input of a run, to start another run with it.
 *
 * @throws UsageError when it is no JSON object, because every run with it would fail
 */
export async function readInput(clients: Clients, run: Run): Promise<ExecutionInput> {
  const { input } = await describeExecution(clients, run);
  const { data } = z.record(z.string(), z.unknown()).safeParse(JSON.parse(input ?? "null"));
  if (data) return data;
  throw new UsageError(`The input of ${run.runId} is no JSON object, so that a rerun would fail, too: ${input}`);
}

/** Redrives a run, and waits until Step Functions shows the redrive. Until then, the run would still look ended. */
export async function redriveRun({ signal }: Lifetime, clients: Clients, run: Run): Promise<void> {
  const { redriveCount: before = 0 } = await describeExecution(clients, run);
  await clients.sfn.send(new RedriveExecutionCommand({ executionArn: run.arn }));
  const isVisible = async (): Promise<boolean> => {
    const { redriveCount = 0 } = await describeExecution(clients, run);
    return redriveCount > before;
  };
  await waitUntil(isVisible, { everyMs: 500, signal });
}
