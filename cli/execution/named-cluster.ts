import type { Cluster, EMRClient } from "@aws-sdk/client-emr";
import { distance } from "fastest-levenshtein";
import { isGone, stateOf } from "../../lambdas/aws/cluster-states.ts";
import { describeCluster, endCluster } from "../../lambdas/aws/emr.ts";
import { isNamed } from "../../lambdas/aws/errors.ts";
import type { Clients } from "../account/aws-clients.ts";
import { NotFound, UsageError } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { findAliveClusters, isOrchards, waitForEnd } from "./alive-clusters.ts";

/**
 * Finds the cluster that a person named.
 *
 * @param stateMachineArn the deployment's state machine, if there is one
 * @throws NotFound with the id of Orchard's living cluster that resembles it most
 */
export async function findNamedCluster(
  clients: Clients,
  stateMachineArn: string | undefined,
  id: string,
): Promise<Cluster> {
  try {
    return await describeCluster(clients.emr, id);
  } catch (error) {
    // EMR answers so to an id that does not exist, and to a text that cannot be an id.
    if (!isNamed(error, "InvalidRequestException", "ValidationException")) throw error;
  }
  const alive = (await findAliveClusters(clients, stateMachineArn)).map((cluster) => cluster.id);
  const [nearest] = alive.toSorted((a, b) => distance(a, id) - distance(b, id));
  const hint =
    nearest === undefined ? "No cluster of Orchard is alive." : `Did you mean ${nearest}? All of them: orchard status`;
  throw new NotFound(`There is no cluster ${id} in this account and region. ${hint}`);
}

/**
 * Protects the clusters of others.
 *
 * @param force whether the user gave --force
 * @throws UsageError for a cluster that is not Orchard's without --force, or with termination protection
 */
export function requireTerminable(cluster: Cluster, force: boolean): void {
  if (isOrchards(cluster)) return;
  const { Id: id, Name: name } = cluster;
  if (!force) {
    throw new UsageError(
      `Cluster ${id} (${name}) has no tag of Orchard, so it is somebody else's. If you want to terminate it all the same, add --force.`,
    );
  }
  if (cluster.TerminationProtected) {
    throw new UsageError(
      `Cluster ${id} (${name}) has no tag of Orchard, and it has termination protection. If it is yours, first: aws emr modify-cluster-attributes --cluster-id ${id} --no-termination-protected`,
    );
  }
}

/**
 * Terminates a cluster, even Orchard's own with termination protection, and waits until it is gone.
 *
 * @param log receives the current activity
 * @returns the cluster's last state
 * @throws CommandFailed when it is not gone after 20 minutes
 */
export async function terminateAndWait(
  lifetime: Lifetime,
  emr: EMRClient,
  cluster: Cluster,
  log: (line: string) => void,
): Promise<string> {
  let state = await endCluster(emr, cluster);
  const isTerminated = async (): Promise<boolean> => {
    state = stateOf(await describeCluster(emr, cluster.Id ?? ""));
    log(state);
    return isGone(state);
  };
  await waitForEnd(
    lifetime,
    isTerminated,
    (minutes) => `Cluster ${cluster.Id} is ${state}, ${minutes} minutes after its termination began.`,
  );
  return state;
}
