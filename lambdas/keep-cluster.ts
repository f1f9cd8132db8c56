import { AddTagsCommand, type EMRClient, PutAutoTerminationPolicyCommand } from "@aws-sdk/client-emr";
import { z } from "zod";
import { stateOf } from "./aws/cluster-states.ts";
import { createEmrClient, describeCluster, tagOf } from "./aws/emr.ts";
import type { KeptCluster } from "./contract/cluster-plan.ts";
import { executionSchema } from "./contract/execution.ts";
import { planSchema } from "./contract/plan.ts";
import { executionTag, keepUntilTag } from "./contract/tags.ts";
import { hourMs, usdPerHour } from "./planning/hourly-price.ts";
import { ClusterNotOurs } from "./runtime/errors.ts";
import { lambdaHandler } from "./runtime/handler.ts";

export const keepClusterEventSchema = z.object({
  state: z.object({ plan: planSchema, cluster: z.object({ id: z.string() }) }),
  execution: executionSchema,
});
export type KeepClusterEvent = z.output<typeof keepClusterEventSchema>;

/**
 * EMR counts idle time from the last step's end, and the results were validated since: by so much the idle time is
 * longer than the deadline is away. As long as the sweep takes to come round, so that it has its turn first.
 */
const idleMarginSeconds = 15 * 60;

/**
 * Leaves the execution's own cluster until its deadline: by a tag, for the sweep, and by its idle time. What it throws
 * ends the cluster, as every failure does.
 *
 * @throws ClusterNotOurs when the cluster bears another execution's tag
 */
export async function keepCluster(
  { state: { plan, cluster }, execution }: KeepClusterEvent,
  emr: EMRClient,
  now: Date = new Date(),
): Promise<KeptCluster> {
  const found = await describeCluster(emr, cluster.id);
  const owner = tagOf(found, executionTag);
  if (owner !== execution.id)
    throw new ClusterNotOurs(`Cluster ${cluster.id} belongs to ${owner ?? "no execution"}, not to ${execution.id}`);
  const state = stateOf(found);
  if (state !== "WAITING" && state !== "RUNNING") throw new Error(`Cluster ${cluster.id} is ${state}, not to be kept`);

  // No longer than the ceiling pays for: the sweep ends it then.
  const { CreationDateTime: created = now } = found.Status?.Timeline ?? {};
  const untilMs = Math.min(now.getTime() + plan.keepMinutes * 60_000, created.getTime() + plan.maxHours * hourMs);
  const keepSeconds = Math.max(0, Math.floor((untilMs - now.getTime()) / 1_000));
  const until = `${new Date(untilMs).toISOString().slice(0, 19)}Z`;
  // First what may end it too early; the tag last, because with it the sweep lets it be.
  await emr.send(
    new PutAutoTerminationPolicyCommand({
      ClusterId: cluster.id,
      AutoTerminationPolicy: { IdleTimeout: keepSeconds + idleMarginSeconds },
    }),
  );
  await emr.send(new AddTagsCommand({ ResourceId: cluster.id, Tags: [{ Key: keepUntilTag, Value: until }] }));
  return { clusterId: cluster.id, until, usdPerHour: usdPerHour(plan.cluster) };
}

const emr = createEmrClient();

export const handler = lambdaHandler(keepClusterEventSchema, (event) => keepCluster(event, emr));
