import { MetricUnit } from "@aws-lambda-powertools/metrics";
import type { Cluster, EMRClient } from "@aws-sdk/client-emr";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { z } from "zod";
import { endableStates } from "./aws/cluster-states.ts";
import { createEmrClient, describeCluster, endCluster, listClusters, tagOf } from "./aws/emr.ts";
import { describeError } from "./aws/errors.ts";
import { createSfnClient, getExecutionState, hasFailed } from "./aws/executions.ts";
import { clusterNamePrefix, executionTag, keepUntilTag } from "./contract/tags.ts";
import { hourMs } from "./planning/hourly-price.ts";
import { type Environment, environmentSchema, readEnvironment } from "./runtime/environment.ts";
import { lambdaHandler, logger, metrics } from "./runtime/handler.ts";
import { ageMs, maxHoursOf } from "./teardown/cluster-age.ts";

/** A schedule's event tells nothing that is needed. */
export const sweepClustersEventSchema = z.object({});

const settings = environmentSchema.pick({ STATE_MACHINE_ARN: true, MAX_CLUSTER_HOURS: true });
export type SweepConfig = Pick<Environment, keyof typeof settings.shape>;

export interface SweepClients {
  readonly emr: EMRClient;
  readonly sfn: SFNClient;
}

/** What became of the clusters that were looked at, by id. */
export interface Sweep {
  readonly ended: readonly string[];
  readonly leftAlone: readonly string[];
}

/** DescribeExecution is eventually consistent: a cluster that is younger may have an execution that it does not know yet. */
const unknownExecutionMarginMs = 30 * 60_000;

interface Verdict {
  readonly isToEnd: boolean;
  /** Its time had come: nothing else was to end it. */
  readonly isDue?: boolean;
  readonly why: string;
}

/** The execution of this state machine that created the cluster. */
function ourExecution(cluster: Cluster, { STATE_MACHINE_ARN }: SweepConfig): string | undefined {
  const executionArn = tagOf(cluster, executionTag);
  return executionArn?.startsWith(`${STATE_MACHINE_ARN.replace(":stateMachine:", ":execution:")}:`)
    ? executionArn
    : undefined;
}

/** @throws whatever Step Functions throws: then nobody knows, and the cluster is to be left alone */
async function judge(cluster: Cluster, config: SweepConfig, sfn: SFNClient, now: Date): Promise<Verdict> {
  const executionArn = ourExecution(cluster, config);
  if (executionArn === undefined)
    return { isToEnd: false, why: `belongs to ${tagOf(cluster, executionTag) ?? "no execution"}` };

  const age = ageMs(cluster, now);
  const limit = Math.min(config.MAX_CLUSTER_HOURS, maxHoursOf(cluster));
  if (age > limit * hourMs) {
    const what = limit < config.MAX_CLUSTER_HOURS ? ", all that its run's maxCostUsd pays for" : "";
    return { isToEnd: true, why: `is older than ${limit} hours${what}` };
  }
  const standing = await getExecutionState(sfn, executionArn);
  const keepUntil = tagOf(cluster, keepUntilTag) ?? "";
  // A text that is no time is no deadline: the comparison is false then. And only a success keeps a cluster: an
  // execution may have failed after it had put the tag.
  if (Date.parse(keepUntil) > now.getTime() && !hasFailed(standing))
    return { isToEnd: false, why: `is kept until ${keepUntil}` };

  const isOver =
    hasFailed(standing) ||
    standing === "SUCCEEDED" ||
    (standing === "DOES_NOT_EXIST" && age > unknownExecutionMarginMs);
  const isDue = standing === "SUCCEEDED" && keepUntil !== "";
  return {
    isToEnd: isOver,
    isDue,
    why: isDue ? `was kept until ${keepUntil}` : `has an execution that is ${standing}`,
  };
}

/**
 * Ends the clusters that nothing else ended: status changes are best effort, an execution may be stopped while
 * RunJobFlow is in flight, and a Spark step that hangs is not idle. One cluster's failure does not save the others.
 *
 * @param now the time against which ages and deadlines are held
 * @throws Error at the end, naming every cluster that could not be judged or ended
 */
export async function sweepClusters(
  config: SweepConfig,
  { emr, sfn }: SweepClients,
  now: Date = new Date(),
): Promise<Sweep> {
  const ended: string[] = [];
  const leftAlone: string[] = [];
  const failures: string[] = [];
  let unexpectedCount = 0;
  let oldestMs = 0;
  const look = async (id: string): Promise<void> => {
    const cluster = await describeCluster(emr, id);
    if (ourExecution(cluster, config)) oldestMs = Math.max(oldestMs, ageMs(cluster, now));
    const { isToEnd, isDue, why } = await judge(cluster, config, sfn, now);
    const told = { clusterId: id, name: cluster.Name, executionArn: tagOf(cluster, executionTag) };
    if (isToEnd) {
      const state = await endCluster(emr, cluster);
      ended.push(id);
      if (!isDue) unexpectedCount += 1;
      logger.warn(`Ended cluster ${id}, which ${why}`, { ...told, state });
    } else {
      leftAlone.push(id);
      logger.info(`Left cluster ${id} alone, which ${why}`, told);
    }
  };

  // The whole list first: ending clusters while it is read would move its pages.
  const ids: string[] = [];
  try {
    for await (const { id, name } of listClusters(emr, { ClusterStates: [...endableStates] })) {
      if (name.startsWith(clusterNamePrefix)) ids.push(id);
    }
  } catch (error) {
    failures.push(`the list of clusters (${describeError(error)})`);
  }
  for (const id of ids) {
    try {
      await look(id);
    } catch (error) {
      leftAlone.push(id);
      failures.push(`${id} (${describeError(error)})`);
    }
  }

  // What the alarm SweepActed looks at: a kept cluster at its deadline is no failure.
  metrics.addMetric("EndedClusters", MetricUnit.Count, unexpectedCount);
  // CloudWatch has no unit for hours.
  metrics.addMetric("OldestClusterHours", MetricUnit.NoUnit, oldestMs / hourMs);
  logger.info("Swept", { endedCount: ended.length, leftAloneCount: leftAlone.length, failureCount: failures.length });
  if (failures.length > 0)
    throw new Error(`Not judged or not ended, the next sweep tries again: ${failures.join("; ")}`);
  return { ended, leftAlone };
}

const clients: SweepClients = { emr: createEmrClient(), sfn: createSfnClient() };

export const handler = lambdaHandler(sweepClustersEventSchema, () => sweepClusters(readEnvironment(settings), clients));
