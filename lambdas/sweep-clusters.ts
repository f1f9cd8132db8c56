import type { Cluster, EMRClient } from "@aws-sdk/client-emr";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { z } from "zod";
import { type Environment, environment, readConfig } from "./shared/config.ts";
import {
  clusterNamePrefix,
  createEmrClient,
  describeCluster,
  endableStates,
  endCluster,
  executionTag,
  keepUntilTag,
  listClusters,
  tagOf,
} from "./shared/emr.ts";
import { describeError } from "./shared/errors.ts";
import { createSfnClient, hasFailed, standingOf } from "./shared/executions.ts";
import { lambdaHandler, logger } from "./shared/handler.ts";

/** A schedule's event tells nothing that is needed. */
export const sweepClustersEvent = z.object({});

const settings = environment.pick({ STATE_MACHINE_ARN: true, MAX_CLUSTER_HOURS: true });
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
const hourMs = 3_600_000;

interface Verdict {
  readonly isToEnd: boolean;
  readonly why: string;
}

/** @throws whatever Step Functions throws: then nobody knows, and the cluster is to be left alone */
const judge = async (cluster: Cluster, config: SweepConfig, sfn: SFNClient, now: Date): Promise<Verdict> => {
  const executionArn = tagOf(cluster, executionTag);
  const ours = `${config.STATE_MACHINE_ARN.replace(":stateMachine:", ":execution:")}:`;
  if (!executionArn?.startsWith(ours)) return { isToEnd: false, why: `belongs to ${executionArn ?? "no execution"}` };

  const createdAt = cluster.Status?.Timeline?.CreationDateTime;
  const ageMs = createdAt ? now.getTime() - createdAt.getTime() : 0;
  if (ageMs > config.MAX_CLUSTER_HOURS * hourMs) {
    return { isToEnd: true, why: `is older than ${config.MAX_CLUSTER_HOURS} hours` };
  }
  const keepUntil = tagOf(cluster, keepUntilTag) ?? "";
  // A text that is no time is no deadline: the comparison is false then.
  if (Date.parse(keepUntil) > now.getTime()) return { isToEnd: false, why: `is kept until ${keepUntil}` };

  const standing = await standingOf(sfn, executionArn);
  const isOver =
    hasFailed(standing) ||
    standing === "SUCCEEDED" ||
    (standing === "DOES_NOT_EXIST" && ageMs > unknownExecutionMarginMs);
  return { isToEnd: isOver, why: `has an execution that is ${standing}` };
};

/**
 * Ends the clusters that nothing else ended: status changes are best effort, an execution may be stopped while
 * RunJobFlow is in flight, and a Spark step that hangs is not idle. One cluster's failure does not save the others.
 *
 * @param now the time against which ages and deadlines are held
 * @throws Error at the end, naming every cluster that could not be judged or ended
 */
export const sweepClusters = async (
  config: SweepConfig,
  { emr, sfn }: SweepClients,
  now: Date = new Date(),
): Promise<Sweep> => {
  const ended: string[] = [];
  const leftAlone: string[] = [];
  const failures: string[] = [];
  const look = async (id: string): Promise<void> => {
    const cluster = await describeCluster(emr, id);
    const { isToEnd, why } = await judge(cluster, config, sfn, now);
    const told = { clusterId: id, name: cluster.Name, executionArn: tagOf(cluster, executionTag) };
    if (isToEnd) {
      const state = await endCluster(emr, cluster);
      ended.push(id);
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

  logger.info("Swept", { endedCount: ended.length, leftAloneCount: leftAlone.length, failureCount: failures.length });
  if (failures.length > 0)
    throw new Error(`Not judged or not ended, the next sweep tries again: ${failures.join("; ")}`);
  return { ended, leftAlone };
};

const clients: SweepClients = { emr: createEmrClient(), sfn: createSfnClient() };

export const handler = lambdaHandler(sweepClustersEvent, () => sweepClusters(readConfig(settings), clients));
