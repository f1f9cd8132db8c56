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
import { clusterNameOf, executionTag } from "../contract/tags.ts";

/** EMR's control plane allows few calls a second for a whole account: patience is cheaper than a failed teardown. */
export function createEmrClient(): EMRClient {
  return new EMRClient({ maxAttempts: 8 });
}

/** A cluster that goes on costing money until somebody ends it. */
export const endableStates: readonly ClusterState[] = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"];

/** A cluster that costs money, or still may, and that holds the roles and the network that it was made with. */
export const activeStates: readonly ClusterState[] = [...endableStates, "TERMINATING"];

/** The execution's start is Step Functions' clock, the cluster's creation EMR's. */
const clockMarginMs = 5 * 60_000;

export function tagOf(cluster: Cluster, key: string): string | undefined {
  return cluster.Tags?.find(({ Key }) => Key === key)?.Value;
}

export function stateOf(cluster: Cluster): string {
  return cluster.Status?.State ?? "UNKNOWN";
}

export function isGone(state: string): boolean {
  return state === "TERMINATED" || state === "TERMINATED_WITH_ERRORS";
}

/** @throws InvalidRequestException when there is no such cluster */
export async function describeCluster(emr: EMRClient, id: string): Promise<Cluster> {
  const { Cluster: cluster } = await emr.send(new DescribeClusterCommand({ ClusterId: id }));
  if (!cluster) throw new Error(`DescribeCluster of ${id} answered without a cluster`);
  return cluster;
}

/**
 * Ends a cluster, protected or not, and answers its state then. Repeatable: one that is gone, or on its way, is left so.
 *
 * @param cluster as DescribeCluster answers it
 */
export async function endCluster(emr: EMRClient, cluster: Cluster): Promise<string> {
  const id = cluster.Id ?? "";
  if (isGone(stateOf(cluster)) || stateOf(cluster) === "TERMINATING") return stateOf(cluster);
  if (cluster.TerminationProtected) {
    await emr.send(new SetTerminationProtectionCommand({ JobFlowIds: [id], TerminationProtected: false }));
  }
  await emr.send(new TerminateJobFlowsCommand({ JobFlowIds: [id] }));
  return stateOf(await describeCluster(emr, id));
}

/** Every page of ListClusters, cluster by cluster. */
export async function* listClusters(
  emr: EMRClient,
  filter: ListClustersCommandInput,
): AsyncGenerator<{ readonly id: string; readonly name: string }> {
  for await (const { Clusters = [] } of paginateListClusters({ client: emr }, filter)) {
    for (const { Id: id, Name: name = "" } of Clusters) if (id !== undefined) yield { id, name };
  }
}

/** Every instance that a cluster has or had. */
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

/** The clusters of an execution, sorted by whether its tag confirms them. */
export interface FoundClusters {
  readonly ours: readonly Cluster[];
  /** Named in the state or named alike, but with another execution's tag, or none. */
  readonly others: readonly Cluster[];
  /** What was thrown when clusters were listed and described: there may be more of them. */
  readonly failures: readonly unknown[];
}

/** Looks at clusters, each for itself: one that cannot be looked at must not save the others. */
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
 * Finds every cluster that the execution may have created: the one that the state knows by id, and those that only
 * bear its name, because the answer to RunJobFlow may have been lost. ListClusters cannot filter by tag and does not
 * return tags, so each candidate's tags are read.
 *
 * @param which clusters to look for by name: "any" finds those that are gone, too
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
    // The cluster that is known by id is none the cheaper for it.
    notListed.push(error);
  }
  const found = await describeClusters(emr, execution, ids);
  return { ...found, failures: [...notListed, ...found.failures] };
}
