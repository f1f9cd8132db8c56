import { setTimeout as sleep } from "node:timers/promises";
import type { EMRClient } from "@aws-sdk/client-emr";
import { isGone, stateOf } from "../aws/cluster-states.ts";
import { describeCluster } from "../aws/emr.ts";
import type { Teardown } from "../contract/failure.ts";
import { ClusterStillTerminating } from "../runtime/errors.ts";

export interface Polling {
  readonly attempts: number;
  readonly pauseMs: number;
}

/** About 20 s; after that the state machine retries the state. */
const defaultPolling: Polling = { attempts: 5, pauseMs: 4_000 };

/**
 * Waits a short time until the clusters of a teardown are terminated.
 *
 * @throws ClusterStillTerminating if one of them is not terminated by then
 */
export async function confirmTerminated(
  { state }: { readonly state: { readonly teardown: Teardown } },
  emr: EMRClient,
  { attempts, pauseMs }: Polling = defaultPolling,
): Promise<{ readonly terminated: true; readonly clusterIds: readonly string[] }> {
  const { clusterIds } = state.teardown;
  let remaining: readonly string[] = [];
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const clusters = await Promise.all(clusterIds.map((id) => describeCluster(emr, id)));
    remaining = clusters
      .filter((cluster) => !isGone(stateOf(cluster)))
      .map((cluster) => `${cluster.Id} is ${stateOf(cluster)}`);
    if (remaining.length === 0) return { terminated: true, clusterIds };
    if (attempt < attempts) await sleep(pauseMs);
  }
  throw new ClusterStillTerminating(`Not terminated yet: ${remaining.join(", ")}`);
}
