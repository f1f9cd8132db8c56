import type { Cluster } from "@aws-sdk/client-emr";
import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { stateOf } from "../../lambdas/aws/cluster-states.ts";
import { endCluster, findClusters } from "../../lambdas/aws/emr.ts";
import { clusterIdIn } from "../../lambdas/aws/steps.ts";
import type { Clients } from "../account/aws-clients.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../terminal/progress-steps.ts";
import { waitForEnd } from "./alive-clusters.ts";
import type { Run } from "./find-run.ts";
import { describeExecution } from "./watch-execution.ts";

/** Whether a run has not ended: a redriven one may wait for its turn. */
export function isRunning({ status }: Pick<Run, "status">): boolean {
  return status === "RUNNING" || status === "PENDING_REDRIVE";
}

/**
 * Finds the active clusters that a run has created.
 *
 * @throws EMR's first error, because the list may then be incomplete
 */
export async function findOwnClusters({ emr }: Clients, run: Run): Promise<readonly Cluster[]> {
  const execution = { id: run.arn, name: run.runId, startTime: run.startedAt.toISOString() };
  const { ours, failures } = await findClusters(emr, execution, {});
  if (failures.length > 0) throw failures[0];
  return ours;
}

/** The id of the cluster that the run's input names. Another run created it, so this run must not terminate it. */
export async function findReusedCluster(clients: Clients, run: Pick<Run, "arn">): Promise<readonly string[]> {
  const { input } = await describeExecution(clients, run);
  const id = clusterIdIn(input);
  return id === undefined ? [] : [id];
}

export interface Stopped {
  /** The run's status afterwards: SUCCEEDED or FAILED if it has ended by itself meanwhile. */
  readonly status: string;
  readonly endedClusters: readonly string[];
}

/**
 * Stops a run and waits until its clusters are gone. The event rule terminates them, too; asking EMR at once saves the
 * minute until the event arrives, and covers an event that is lost.
 *
 * @param log receives the current activity
 * @throws CommandFailed that names the clusters which are still alive after 20 minutes
 */
export async function stopRun(
  lifetime: Lifetime,
  clients: Clients,
  run: Run,
  log: (line: string) => void,
): Promise<Stopped> {
  const reason = { error: "Stopped", cause: "A person stopped the run with orchard stop." };
  await clients.sfn.send(new StopExecutionCommand({ executionArn: run.arn, ...reason }));
  const seen = new Set<string>();
  let lines: readonly string[] = [];
  let idleChecks = 0;
  // Check twice: a cluster that was being created when its execution stopped appears a moment later.
  const areGone = async (): Promise<boolean> => {
    const clusters = await findOwnClusters(clients, run);
    idleChecks = clusters.length === 0 ? idleChecks + 1 : 0;
    lines = clusters.map((cluster) => `cluster ${cluster.Id} is ${stateOf(cluster)}`);
    log(lines.join("; ") || "no cluster is alive");
    for (const cluster of clusters) {
      seen.add(cluster.Id ?? "");
      await endCluster(clients.emr, cluster);
    }
    return idleChecks === 2;
  };
  await waitForEnd(
    lifetime,
    areGone,
    (minutes) =>
      `The execution was stopped, but after ${minutes} minutes not all of its clusters are gone: ${lines.join("; ")}`,
  );
  const { status = "UNKNOWN" } = await describeExecution(clients, run);
  return { status, endedClusters: [...seen] };
}

/** Stops a run as stopRun does, and shows the progress. */
export async function showStop(lifetime: Lifetime, clients: Clients, run: Run, quiet: boolean): Promise<Stopped> {
  let stopped: Stopped | undefined;
  const end = async ({ status, title }: Reporter): Promise<void> => {
    stopped = await stopRun(lifetime, clients, run, status);
    title(`${run.runId}: ${stopped.status}`);
  };
  await runSteps(lifetime, [{ title: `Stopping ${run.runId}`, run: end }], quiet);
  if (!stopped) throw new Error("The stopping step did not produce a result");
  return stopped;
}
