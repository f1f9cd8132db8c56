import { planSchema } from "../../lambdas/contract/plan.ts";
import { planFile, runUri } from "../../lambdas/contract/s3-layout.ts";
import type { Clients } from "../account/aws-clients.ts";
import type { DeployedStack } from "../deployment/deployed-stacks.ts";
import type { AliveCluster } from "../execution/alive-clusters.ts";
import { readRunFile } from "../execution/run-record.ts";
import { findRunning } from "../execution/running-work.ts";
import { findReusedCluster } from "../execution/stop-run.ts";

/** The running executions and the clusters of a deployment, with everything that the executions need. */
export interface Activity {
  /** Names of the running executions. */
  readonly runs: readonly string[];
  /** The start of the oldest of them; undefined when none runs. */
  readonly since: Date | undefined;
  /** Those of them that have no plan yet, and may still choose any earlier run to use. */
  readonly undecided: readonly string[];
  /** s3:// folders that they write or read. Each is a run's folder or below one. */
  readonly folders: readonly string[];
  readonly clusters: readonly AliveCluster[];
  /** Ids of the clusters that they have created or reuse. */
  readonly usedClusters: ReadonlySet<string>;
}

const dependenciesSchema = planSchema.pick({ features: true, reuse: true });

/** @param deployment without one, only clusters can be alive */
export async function readActivity(clients: Clients, deployment: DeployedStack | undefined): Promise<Activity> {
  const { executions, clusters } = await findRunning(clients, deployment?.stateMachineArn);
  const undecided: string[] = [];
  const folders: string[] = [];
  const usedClusters = new Set<string>();
  const bucket = deployment?.bucket ?? "";
  for (const { arn, name } of executions) {
    for (const { id, runId } of clusters) if (runId === name) usedClusters.add(id);
    for (const id of await findReusedCluster(clients, { arn })) usedClusters.add(id);
    folders.push(runUri(bucket, name));
    const plan = await readRunFile(clients, bucket, name, { file: planFile, schema: dependenciesSchema });
    if (!plan) undecided.push(name);
    else folders.push(...[plan.features, plan.reuse?.run].flatMap((uri) => uri ?? []));
  }
  const starts = executions.map(({ startedAt }) => startedAt?.getTime() ?? 0);
  return {
    runs: executions.map(({ name }) => name),
    since: starts.length === 0 ? undefined : new Date(Math.min(...starts)),
    undecided,
    folders,
    clusters,
    usedClusters,
  };
}
