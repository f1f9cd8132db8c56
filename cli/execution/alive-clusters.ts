import type { Cluster } from "@aws-sdk/client-emr";
import { DescribeStateMachineCommand } from "@aws-sdk/client-sfn";
import { activeStates, stateOf } from "../../lambdas/aws/cluster-states.ts";
import { describeCluster, endCluster, listClusters, maxHoursOf, tagOf } from "../../lambdas/aws/emr.ts";
import { describeError, isNamed } from "../../lambdas/aws/errors.ts";
import { nameOf, stateMachineArnOf } from "../../lambdas/contract/arns.ts";
import {
  clusterNamePrefix,
  executionTag,
  keepUntilTag,
  projectTag,
  runIdTag,
  stackTag,
} from "../../lambdas/contract/tags.ts";
import { hourMs } from "../../lambdas/planning/hourly-price.ts";
import { waitUntil } from "../../shared/wait-until.ts";
import type { Clients } from "../account/aws-clients.ts";
import { describeStack, stackName } from "../deployment/deployed-stacks.ts";
import { CommandFailed } from "../terminal/command-errors.ts";
import { formatDuration } from "../terminal/format-duration.ts";
import type { Lifetime } from "../terminal/lifetime.ts";

export const pollMs = 3_000;
/** EMR takes minutes to terminate a cluster. After this time, something is wrong. */
const stopMinutes = 20;

/**
 * Waits until executions or clusters have ended.
 *
 * @param describeRest what to say after the given minutes
 * @throws CommandFailed with that text when they have not ended in 20 minutes
 */
export async function waitForEnd(
  { signal }: Lifetime,
  haveEnded: () => Promise<boolean>,
  describeRest: (minutes: number) => string,
): Promise<void> {
  if (await waitUntil(haveEnded, { everyMs: pollMs, timeoutMs: stopMinutes * 60_000, signal })) return;
  throw new CommandFailed(describeRest(stopMinutes));
}

export interface AliveCluster {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly createdAt: Date | undefined;
  /** Id of the run that created the cluster; empty if its tags were removed. */
  readonly runId: string;
  /** When the sweep terminates the cluster at the latest; undefined if its tags set no limit. */
  readonly until: Date | undefined;
}

/**
 * Finds the active clusters of this application in the account and region by name and tags, whether or not their state
 * machine or stack still exists. The clusters of another live deployment are left out.
 *
 * @param stateMachineArn the deployment's state machine, if there is one
 */
export async function findAliveClusters(
  clients: Clients,
  stateMachineArn: string | undefined,
): Promise<readonly AliveCluster[]> {
  const found: AliveCluster[] = [];
  for await (const { id, name } of listClusters(clients.emr, { ClusterStates: [...activeStates] })) {
    if (!name.startsWith(clusterNamePrefix)) continue;
    // Only DescribeCluster returns tags.
    const cluster = await describeCluster(clients.emr, id);
    if (!isOrchards(cluster) || (await hasOtherOwner(clients, cluster, stateMachineArn))) continue;
    const executionArn = executionArnOf(cluster);
    const runId = tagOf(cluster, runIdTag) ?? (executionArn === undefined ? "" : nameOf(executionArn));
    const createdAt = cluster.Status?.Timeline?.CreationDateTime;
    found.push({ id, name, state: stateOf(cluster), createdAt, runId, until: latestEnd(cluster) });
  }
  return found;
}

/** The time until which the cluster is kept, but at the latest the time at which it reaches its maximum age. */
function latestEnd(cluster: Cluster): Date | undefined {
  const keptUntil = Date.parse(tagOf(cluster, keepUntilTag) ?? "");
  const { CreationDateTime: created } = cluster.Status?.Timeline ?? {};
  const oldest = created === undefined ? Number.POSITIVE_INFINITY : created.getTime() + maxHoursOf(cluster) * hourMs;
  const untilMs = Number.isNaN(keptUntil) ? oldest : Math.min(keptUntil, oldest);
  return Number.isFinite(untilMs) ? new Date(untilMs) : undefined;
}

/** Whether a cluster is Orchard's. One of the two tags suffices, in case somebody removed the other. */
export function isOrchards(cluster: Cluster): boolean {
  return tagOf(cluster, projectTag.key) === projectTag.value || executionArnOf(cluster) !== undefined;
}

/** ARN of the execution that created the cluster, if its tag has one. */
export function executionArnOf(cluster: Cluster): string | undefined {
  const arn = tagOf(cluster, executionTag);
  return arn && /^arn:[^:]+:states:[^:]*:[^:]*:execution:[^:]+:/.test(arn) ? arn : undefined;
}

/** Whether a cluster belongs to a deployment that is alive and not this one. */
async function hasOtherOwner(
  clients: Clients,
  cluster: Cluster,
  stateMachineArn: string | undefined,
): Promise<boolean> {
  const stack = tagOf(cluster, stackTag);
  if (stack !== undefined) return stack !== stackName && (await describeStack(clients, stack)) !== undefined;
  const executionArn = executionArnOf(cluster);
  if (executionArn === undefined) return false;
  const creator = stateMachineArnOf(executionArn);
  return creator !== stateMachineArn && (await stateMachineExists(clients, creator));
}

async function stateMachineExists({ sfn }: Clients, stateMachineArn: string): Promise<boolean> {
  try {
    // A deleted state machine is DELETING until its executions have ended.
    const { status } = await sfn.send(new DescribeStateMachineCommand({ stateMachineArn }));
    return status !== "DELETING";
  } catch (error) {
    if (isNamed(error, "StateMachineDoesNotExist")) return false;
    throw error;
  }
}

export function describeAlive({ id, name, state, createdAt }: AliveCluster): string {
  return `cluster ${id} (${name}) is ${state}${elapsedSince(createdAt)}`;
}

export function elapsedSince(time: Date | undefined): string {
  return time ? `, for ${formatDuration((Date.now() - time.getTime()) / 1_000)}` : "";
}

/**
 * Asks EMR to terminate the clusters. It goes on with the others after an error with one.
 *
 * @throws CommandFailed that names every cluster which EMR refused to terminate
 */
export async function requestEnd({ emr }: Clients, clusters: readonly AliveCluster[]): Promise<void> {
  const refused: string[] = [];
  for (const cluster of clusters) {
    try {
      await endCluster(emr, await describeCluster(emr, cluster.id));
    } catch (error) {
      refused.push(`${describeAlive(cluster)} and could not be terminated: ${describeError(error)}`);
    }
  }
  if (refused.length > 0) throw new CommandFailed(refused.join("\n"));
}

/**
 * Terminates the clusters that are alive, and waits until they are gone.
 *
 * @param log receives the current activity
 * @param isWanted chooses clusters; every one by default
 * @returns the ids of the clusters that were alive
 * @throws CommandFailed that names the clusters which are still alive
 */
export async function endAliveClusters(
  lifetime: Lifetime,
  clients: Clients,
  stateMachineArn: string | undefined,
  log: (line: string) => void,
  isWanted: (cluster: AliveCluster) => boolean = () => true,
): Promise<readonly string[]> {
  const seen = new Set<string>();
  let lines: readonly string[] = [];
  const areGone = async (): Promise<boolean> => {
    const clusters = (await findAliveClusters(clients, stateMachineArn)).filter(isWanted);
    for (const { id } of clusters) seen.add(id);
    lines = clusters.map(describeAlive);
    if (clusters.length === 0) return true;
    log(lines.join("; "));
    await requestEnd(clients, clusters);
    return false;
  };
  await waitForEnd(lifetime, areGone, (minutes) => `Not terminated after ${minutes} minutes:\n  ${lines.join("\n  ")}`);
  return [...seen];
}
