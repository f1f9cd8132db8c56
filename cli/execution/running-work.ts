import { setTimeout as sleep } from "node:timers/promises";
import { paginateListExecutions, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { activeStates, stateOf } from "../../lambdas/aws/cluster-states.ts";
import { describeCluster, endCluster, listClusters, tagOf } from "../../lambdas/aws/emr.ts";
import { clusterNamePrefix, executionTag } from "../../lambdas/contract/tags.ts";
import type { Clients } from "../account/aws-clients.ts";
import { CommandFailed } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { duration } from "./run-report.ts";

const pollMs = 3_000;
/** EMR takes minutes to end a cluster; after this long a person has to look. */
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
  /** Run that created it. */
  readonly runId: string;
}

/** What runs, and may cost money, on behalf of a state machine. */
export interface Running {
  readonly executions: readonly RunningExecution[];
  readonly clusters: readonly AliveCluster[];
}

/** Executions that are RUNNING, and clusters that are alive and bear the tag of one of the machine's executions. */
export async function findRunning(clients: Clients, stateMachineArn: string): Promise<Running> {
  return {
    executions: await runningExecutions(clients, stateMachineArn),
    clusters: await aliveClusters(clients, stateMachineArn),
  };
}

async function runningExecutions({ sfn }: Clients, stateMachineArn: string): Promise<readonly RunningExecution[]> {
  const found: RunningExecution[] = [];
  const pages = paginateListExecutions({ client: sfn }, { stateMachineArn, statusFilter: "RUNNING" });
  for await (const { executions = [] } of pages) {
    for (const { executionArn: arn = "", name = "", startDate } of executions) {
      found.push({ arn, name, startedAt: startDate });
    }
  }
  return found;
}

async function aliveClusters({ emr }: Clients, stateMachineArn: string): Promise<readonly AliveCluster[]> {
  const found: AliveCluster[] = [];
  const prefix = `${stateMachineArn.replace(":stateMachine:", ":execution:")}:`;
  for await (const { id, name } of listClusters(emr, { ClusterStates: [...activeStates] })) {
    if (!name.startsWith(clusterNamePrefix)) continue;
    // Only DescribeCluster knows the tags.
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

/** A line for each. */
export function describeRunning({ executions, clusters }: Running): readonly string[] {
  return [
    ...executions.map(({ name, startedAt }) => `execution ${name} is RUNNING${since(startedAt)}`),
    ...clusters.map(({ id, name, state, createdAt }) => `cluster ${id} (${name}) is ${state}${since(createdAt)}`),
  ];
}

function since(time: Date | undefined): string {
  return time ? `, for ${duration((Date.now() - time.getTime()) / 1_000)}` : "";
}

/**
 * Stops the executions, ends the clusters, and waits until EMR says that they are gone.
 *
 * @throws CommandFailed when they are not after 20 minutes
 */
export async function stopRunning(
  lifetime: Lifetime,
  clients: Clients,
  stateMachineArn: string,
  status: (line: string) => void,
): Promise<void> {
  const deadline = Date.now() + stopMinutes * 60_000;
  // Twice: a cluster whose creation was under way when its execution was stopped shows up a moment later.
  for (let idle = 0; ; await sleep(pollMs, undefined, { signal: lifetime.signal })) {
    const running = await findRunning(clients, stateMachineArn);
    idle = isIdle(running) ? idle + 1 : 0;
    if (idle === 2) return;
    const lines = describeRunning(running);
    if (Date.now() > deadline) {
      throw new CommandFailed(`Not all has ended after ${stopMinutes} minutes:\n  ${lines.join("\n  ")}`);
    }
    status(lines.join("; ") || "nothing runs any more");
    await endAll(clients, running);
  }
}

/** Ends what is alive of a state machine that is gone: nothing else would. @returns the ids */
export async function endClusters(clients: Clients, stateMachineArn: string): Promise<readonly string[]> {
  const clusters = await aliveClusters(clients, stateMachineArn);
  for (const { id } of clusters) await endCluster(clients.emr, await describeCluster(clients.emr, id));
  return clusters.map(({ id }) => id);
}

async function endAll({ sfn, emr }: Clients, { executions, clusters }: Running): Promise<void> {
  const why = { error: "Stopped", cause: "A deployment or its removal was asked to stop what runs." };
  for (const { arn } of executions) await sfn.send(new StopExecutionCommand({ executionArn: arn, ...why }));
  for (const { id } of clusters) await endCluster(emr, await describeCluster(emr, id));
}
