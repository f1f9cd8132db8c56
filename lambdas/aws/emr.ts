import {
  type Cluster,
  type ClusterState,
  DescribeClusterCommand,
  EMRClient,
  type Instance,
  type ListClustersCommandInput,
  paginateListClusters,
  paginateListInstances,
  SetTerminationProtectionCommand,
  TerminateJobFlowsCommand,
} from "@aws-sdk/client-emr";
import type { Execution } from "../contract/execution.ts";
import type { PartialState } from "../contract/state-data.ts";
import { clusterNameOf, executionTag, maxHoursTag } from "../contract/tags.ts";
import { activeStates, isEnding, stateOf } from "./cluster-states.ts";

/** Creates a client with more attempts than usual, because EMR's API has a low rate limit for the whole account. */
export function createEmrClient(): EMRClient {
  return new EMRClient({ maxAttempts: 8 });
}

/** Allows for the difference between two clocks: Step Functions' for the execution's start, EMR's for the cluster's. */
const clockMarginMs = 5 * 60_000;

export function tagOf(cluster: Cluster, key: string): string | undefined {
  return cluster.Tags?.find(({ Key }) => Key === key)?.Value;
}

/** Maximum age in hours from the cluster's tag; a malformed tag sets no limit. */
export function maxHoursOf(cluster: Cluster): number {
  return Number.parseFloat(tagOf(cluster, maxHoursTag) ?? "") || Number.POSITIVE_INFINITY;
}

/** @throws InvalidRequestException if the cluster does not exist */
export async function describeCluster(emr: EMRClient, id: string): Promise<Cluster> {
  const { Cluster: cluster } = await emr.send(new DescribeClusterCommand({ ClusterId: id }));
  if (!cluster) throw new Error(`DescribeCluster of ${id} answered without a cluster`);
  return cluster;
}

/**
 * Terminates a cluster, even with termination protection. Calling it again for a cluster that is terminating or gone has
 * no effect.
 *
 * @returns the cluster's state afterwards
 */
export async function endCluster(emr: EMRClient, cluster: Cluster): Promise<string> {
  const id = cluster.Id ?? "";
  if (isEnding(stateOf(cluster))) return stateOf(cluster);
  if (cluster.TerminationProtected) {
    await emr.send(new SetTerminationProtectionCommand({ JobFlowIds: [id], TerminationProtected: false }));
  }
  await emr.send(new TerminateJobFlowsCommand({ JobFlowIds: [id] }));
  return stateOf(await describeCluster(emr, id));
}

/** Iterates over all pages of ListClusters. */
export async function* listClusters(
  emr: EMRClient,
  filter: ListClustersCommandInput,
): AsyncGenerator<{ readonly id: string; readonly name: string }> {
  for await (const { Clusters = [] } of paginateListClusters({ client: emr }, filter)) {
    for (const { Id: id, Name: name = "" } of Clusters) if (id !== undefined) yield { id, name };
  }
}

/** Lists the cluster's instances, terminated ones included. */
export async function listInstances(client: EMRClient, ClusterId: string): Promise<readonly Instance[]> {
  const found: Instance[] = [];
  for await (const { Instances = [] } of paginateListInstances({ client }, { ClusterId })) found.push(...Instances);
  return found;
}

async function* namedAfter(
  emr: EMRClient,
  execution: Execution,
  states: readonly ClusterState[] | undefined,
): AsyncGenerator<string> {
  const CreatedAfter = new Date(Date.parse(execution.startTime) - clockMarginMs);
  for await (const { id, name } of listClusters(emr, { ClusterStates: states && [...states], CreatedAfter })) {
    if (name === clusterNameOf(execution.name)) yield id;
  }
}

/** The clusters that may be an execution's own, separated by their execution tag. */
export interface FoundClusters {
  readonly ours: readonly Cluster[];
  /** Clusters from the state data or with the execution's name that are tagged with another execution or none. */
  readonly others: readonly Cluster[];
  /** Errors of ListClusters and DescribeCluster. If there are any, the lists above may be incomplete. */
  readonly failures: readonly unknown[];
}

/** Describes the clusters one by one, so that an error with one does not hide the others. */
export async function describeClusters(
  emr: EMRClient,
  execution: Pick<Execution, "id">,
  ids: Iterable<string>,
): Promise<FoundClusters> {
  const ours: Cluster[] = [];
  const others: Cluster[] = [];
  const failures: unknown[] = [];
  for (const id of ids) {
    try {
      const cluster = await describeCluster(emr, id);
      (tagOf(cluster, executionTag) === execution.id ? ours : others).push(cluster);
    } catch (error) {
      failures.push(error);
    }
  }
  return { ours, others, failures };
}

/**
 * Finds every cluster that the execution may have created, by the id in the state data and by name: the response of
 * RunJobFlow may have been lost. ListClusters neither filters by tag nor returns tags, so each candidate is described.
 *
 * @param which "any" also finds terminated clusters by name
 */
export async function findClusters(
  emr: EMRClient,
  execution: Execution,
  state: Pick<PartialState, "cluster">,
  which: "active" | "any" = "active",
): Promise<FoundClusters> {
  const notListed: unknown[] = [];
  const ids = new Set(state.cluster && [state.cluster.id]);
  try {
    for await (const id of namedAfter(emr, execution, which === "active" ? activeStates : undefined)) ids.add(id);
  } catch (error) {
    // Even if listing fails, the caller can deal with the cluster whose id it knows.
    notListed.push(error);
  }
  const found = await describeClusters(emr, execution, ids);
  return { ...found, failures: [...notListed, ...found.failures] };
}
