import { AddTagsCommand, type EMRClient, PutAutoTerminationPolicyCommand } from "@aws-sdk/client-emr";
import { isReady, stateOf } from "../aws/cluster-states.ts";
import { describeCluster, tagOf } from "../aws/emr.ts";
import type { KeptCluster } from "../contract/cluster-plan.ts";
import type { Execution } from "../contract/execution.ts";
import type { Plan } from "../contract/plan.ts";
import { executionTag, keepUntilTag } from "../contract/tags.ts";
import { hourMs, usdPerHour } from "../planning/hourly-price.ts";
import { toSeconds } from "../planning/kept-plan.ts";
import { ClusterNotOurs } from "../runtime/errors.ts";

/**
 * Added to the idle timeout, because EMR counts idle time from the end of the last step, before the results were
 * validated. It equals the sweep's interval, so that the sweep acts first.
 */
const idleMarginSeconds = 15 * 60;

export interface KeepRequest {
  readonly state: { readonly plan: Plan; readonly cluster: { readonly id: string } };
  readonly execution: Execution;
}

/**
 * Keeps the execution's own cluster until its deadline: sets the tag that the sweep reads, and EMR's idle timeout. Any
 * error terminates the cluster, like every failure of the run.
 *
 * @throws ClusterNotOurs if the cluster is tagged with another execution
 */
export async function keepCluster(
  { state: { plan, cluster }, execution }: KeepRequest,
  emr: EMRClient,
  now: Date = new Date(),
): Promise<KeptCluster> {
  const found = await describeCluster(emr, cluster.id);
  const owner = tagOf(found, executionTag);
  if (owner !== execution.id)
    throw new ClusterNotOurs(`Cluster ${cluster.id} belongs to ${owner ?? "no execution"}, not to ${execution.id}`);
  const state = stateOf(found);
  if (!isReady(state)) throw new Error(`Cluster ${cluster.id} is ${state} and cannot be kept`);

  // The sweep terminates the cluster at maxHours in any case, so do not promise more.
  const { CreationDateTime: created = now } = found.Status?.Timeline ?? {};
  const untilMs = Math.min(now.getTime() + plan.keepMinutes * 60_000, created.getTime() + plan.maxHours * hourMs);
  const keepSeconds = Math.max(0, Math.floor((untilMs - now.getTime()) / 1_000));
  const until = toSeconds(new Date(untilMs));
  // The tag comes last, because it makes the sweep spare the cluster: the idle timeout must be in place by then.
  await emr.send(
    new PutAutoTerminationPolicyCommand({
      ClusterId: cluster.id,
      AutoTerminationPolicy: { IdleTimeout: keepSeconds + idleMarginSeconds },
    }),
  );
  await emr.send(new AddTagsCommand({ ResourceId: cluster.id, Tags: [{ Key: keepUntilTag, Value: until }] }));
  return { clusterId: cluster.id, until, usdPerHour: usdPerHour(plan.cluster) };
}
