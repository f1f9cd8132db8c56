import { setTimeout as sleep } from "node:timers/promises";
import type { EMRClient } from "@aws-sdk/client-emr";
import { z } from "zod";
import { isGone, stateOf } from "./aws/cluster-states.ts";
import { createEmrClient, describeCluster } from "./aws/emr.ts";
import { executionSchema } from "./contract/execution.ts";
import { teardownSchema } from "./contract/failure.ts";
import { ClusterStillTerminating } from "./runtime/errors.ts";
import { lambdaHandler } from "./runtime/handler.ts";

/** Comes after TerminateClusterAfterFailure alone, and after its success: the teardown says which clusters. */
export const confirmTerminatedEventSchema = z.object({
  state: z.object({ teardown: teardownSchema }),
  execution: executionSchema,
});
export type ConfirmTerminatedEvent = z.output<typeof confirmTerminatedEventSchema>;

export interface Patience {
  readonly attempts: number;
  readonly pauseMs: number;
}

/** About 20 s; the state machine asks again after that. */
const patience: Patience = { attempts: 5, pauseMs: 4_000 };

/**
 * Waits a little for the clusters that TerminateCluster ended.
 *
 * @throws ClusterStillTerminating when one of them is not gone by then
 */
export async function confirmTerminated(
  { state }: Pick<ConfirmTerminatedEvent, "state">,
  emr: EMRClient,
  { attempts, pauseMs }: Patience = patience,
): Promise<{ readonly terminated: true; readonly clusterIds: readonly string[] }> {
  const { clusterIds } = state.teardown;
  let alive: readonly string[] = [];
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const clusters = await Promise.all(clusterIds.map((id) => describeCluster(emr, id)));
    alive = clusters
      .filter((cluster) => !isGone(stateOf(cluster)))
      .map((cluster) => `${cluster.Id} is ${stateOf(cluster)}`);
    if (alive.length === 0) return { terminated: true, clusterIds };
    if (attempt < attempts) await sleep(pauseMs);
  }
  throw new ClusterStillTerminating(`Not terminated yet: ${alive.join(", ")}`);
}

const emr = createEmrClient();

export const handler = lambdaHandler(confirmTerminatedEventSchema, (event) => confirmTerminated(event, emr));
