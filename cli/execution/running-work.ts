import { paginateListExecutions, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { activeStates, stateOf } from "../../lambdas/aws/cluster-states.ts";
import { describeCluster, endCluster, listClusters, tagOf } from "../../lambdas/aws/emr.ts";
import { executionArnPrefix } from "../../lambdas/contract/arns.ts";
import { clusterNamePrefix, executionTag } from "../../lambdas/contract/tags.ts";
import { waitUntil } from "../../shared/wait-until.ts";
import type { Clients } from "../account/aws-clients.ts";
import { CommandFailed } from "../terminal/command-errors.ts";
import { formatDuration } from "../terminal/format-duration.ts";
import type { Lifetime } from "../terminal/lifetime.ts";

const pollMs = 3_000;
/** EMR takes minutes to terminate a cluster. After this time, something is wrong. */
const stopMinutes = 20;

export interface RunningExecution {
  readonly arn: string;
  readonly name: string;
  readonly startedAt: Date | undefined;
}

export interface AliveCluster {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly createdAt: Date | undefined;
  /** Id of the run that created the cluster. */
  readonly runId: string;
}

/** The executions and clusters of a state machine that are running and may cost money. */
export interface Running {
  readonly executions: readonly RunningExecution[];
  readonly clusters: readonly AliveCluster[];
}

/** Finds the RUNNING executions, and the active clusters whose tag names an execution of the state machine. */
export async function findRunning(clients: Clients, stateMachineArn: string): Promise<Running> {
  return {
    executions: await listRunningExecutions(clients, stateMachineArn),
    clusters: await listAliveClusters(clients, stateMachineArn),
  };
}

async function listRunningExecutions({ sfn }: Clients, stateMachineArn: string): Promise<readonly RunningExecution[]> {
  const found: RunningExecution[] = [];
  const pages = paginateListExecutions({ client: sfn }, { stateMachineArn, statusFilter: "RUNNING" });
  for await (const { executions = [] } of pages) {
    for (const { executionArn: arn = "", name = "", startDate } of executions) {
      found.push({ arn, name, startedAt: startDate });
    }
  }
  return found;
}

async function listAliveClusters({ emr }: Clients, stateMachineArn: string): Promise<readonly AliveCluster[]> {
  const found: AliveCluster[] = [];
  const prefix = executionArnPrefix(stateMachineArn);
  for await (const { id, name } of listClusters(emr, { ClusterStates: [...activeStates] })) {
    if (!name.startsWith(clusterNamePrefix)) continue;
    // Only DescribeCluster returns tags.
    const cluster = await describeCluster(emr, id);
    const executionArn = tagOf(cluster, executionTag);
    if (!executionArn?.startsWith(prefix)) continue;
    const createdAt = cluster.Status?.Timeline?.CreationDateTime;
    found.push({ id, name, state: stateOf(cluster), createdAt, runId: executionArn.slice(prefix.length) });
  }
  return found;
}

export function isIdle({ executions, clusters }: Running): boolean {
  return executions.length + clusters.length === 0;
}

/** Describes each execution and cluster in a line. */
export function describeRunning({ executions, clusters }: Running): readonly string[] {
  return [
    ...executions.map(({ name, startedAt }) => `execution ${name} is RUNNING${elapsedSince(startedAt)}`),
    ...clusters.map(
      ({ id, name, state, createdAt }) => `cluster ${id} (${name}) is ${state}${elapsedSince(createdAt)}`,
    ),
  ];
}

function elapsedSince(time: Date | undefined): string {
  return time ? `, for ${formatDuration((Date.now() - time.getTime()) / 1_000)}` : "";
}

/**
 * Stops the executions, terminates the clusters, and waits until all have ended.
 *
 * @param log receives the current activity
 * @throws CommandFailed when they have not ended after 20 minutes
 */
export async function stopRunning(
  lifetime: Lifetime,
  clients: Clients,
  stateMachineArn: string,
  log: (line: string) => void,
): Promise<void> {
  let lines: readonly string[] = [];
  let idleChecks = 0;
  // Check twice: a cluster that was being created when its execution stopped appears a moment later.
  const hasEnded = async (): Promise<boolean> => {
    const running = await findRunning(clients, stateMachineArn);
    idleChecks = isIdle(running) ? idleChecks + 1 : 0;
    if (idleChecks === 2) return true;
    lines = describeRunning(running);
    log(lines.join("; ") || "nothing runs any more");
    await stopAll(clients, running);
    return false;
  };
  const timeoutMs = stopMinutes * 60_000;
  if (!(await waitUntil(hasEnded, { everyMs: pollMs, timeoutMs, signal: lifetime.signal }))) {
    throw new CommandFailed(`Not all has ended after ${stopMinutes} minutes:\n  ${lines.join("\n  ")}`);
  }
}

/**
 * Terminates the remaining clusters of a deleted state machine, because nothing else would.
 *
 * @returns the clusters' ids
 */
export async function endClusters(clients: Clients, stateMachineArn: string): Promise<readonly string[]> {
  const clusters = await listAliveClusters(clients, stateMachineArn);
  for (const { id } of clusters) await endCluster(clients.emr, await describeCluster(clients.emr, id));
  return clusters.map(({ id }) => id);
}

async function stopAll({ sfn, emr }: Clients, { executions, clusters }: Running): Promise<void> {
  const reason = { error: "Stopped", cause: "A deployment or its removal was asked to stop running executions." };
  for (const { arn } of executions) await sfn.send(new StopExecutionCommand({ executionArn: arn, ...reason }));
  for (const { id } of clusters) await endCluster(emr, await describeCluster(emr, id));
}
