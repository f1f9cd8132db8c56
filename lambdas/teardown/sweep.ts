import { MetricUnit } from "@aws-lambda-powertools/metrics";
import type { Cluster, EMRClient } from "@aws-sdk/client-emr";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { plural } from "../../shared/formatting.ts";
import { activeStates, isAlive, stateOf } from "../aws/cluster-states.ts";
import { describeCluster, endCluster, listClusters, maxHoursOf, tagOf } from "../aws/emr.ts";
import { describeError } from "../aws/errors.ts";
import { getExecutionState, hasFailed } from "../aws/executions.ts";
import { clusterNamePrefix, executionTag, keepUntilTag, stackTag } from "../contract/tags.ts";
import { hourMs } from "../planning/hourly-price.ts";
import type { Environment } from "../runtime/environment.ts";
import { logger, metrics } from "../runtime/handler.ts";
import { ageMs } from "./cluster-age.ts";

export type SweepConfig = Pick<Environment, "STACK_NAME" | "MAX_CLUSTER_HOURS">;

export interface SweepClients {
  readonly emr: EMRClient;
  readonly sfn: SFNClient;
}

/** Ids of the clusters that the sweep terminated and of those that it left alone, without clusters in TERMINATING. */
export interface Sweep {
  readonly ended: readonly string[];
  readonly leftAlone: readonly string[];
}

/** DescribeExecution is eventually consistent, so a younger cluster's execution may exist although it is not found. */
const unknownExecutionMarginMs = 30 * 60_000;

interface Decision {
  readonly isToEnd: boolean;
  /** True for a kept cluster at its deadline. Only the sweep terminates it, so this is no sign of a failure. */
  readonly isDue?: boolean;
  /** Completes "cluster <id>, which ...". */
  readonly why: string;
}

/** Whether this stack's workflow created the cluster, even if its state machine has been replaced since. */
function isOurs(cluster: Cluster, { STACK_NAME }: SweepConfig): boolean {
  return tagOf(cluster, stackTag) === STACK_NAME;
}

/** Whether the cluster is another stack's. One without the tag may be ours: somebody may have removed the tag. */
function isOthers(cluster: Cluster, { STACK_NAME }: SweepConfig): boolean {
  return (tagOf(cluster, stackTag) ?? STACK_NAME) !== STACK_NAME;
}

/** @throws the SDK's error if Step Functions does not answer; the cluster must then be left alone */
async function decide(cluster: Cluster, config: SweepConfig, sfn: SFNClient, now: Date): Promise<Decision> {
  if (isOthers(cluster, config)) return { isToEnd: false, why: `belongs to the stack ${tagOf(cluster, stackTag)}` };
  if (!isOurs(cluster, config)) return { isToEnd: false, why: `has no tag ${stackTag}` };

  const age = ageMs(cluster, now);
  const limit = Math.min(config.MAX_CLUSTER_HOURS, maxHoursOf(cluster));
  if (age > limit * hourMs) {
    const reason = limit < config.MAX_CLUSTER_HOURS ? ", all that its run's maxCostUsd pays for" : "";
    return { isToEnd: true, why: `is older than ${plural(limit, "hour")}${reason}` };
  }
  const executionArn = tagOf(cluster, executionTag);
  if (executionArn === undefined) return { isToEnd: false, why: `has no tag ${executionTag}` };
  const executionState = await getExecutionState(sfn, executionArn);
  const keepUntil = tagOf(cluster, keepUntilTag) ?? "";
  // A malformed time is no deadline, because comparing NaN is false. An execution may have failed after it had set the
  // tag, so the tag alone does not keep a cluster.
  if (Date.parse(keepUntil) > now.getTime() && !hasFailed(executionState))
    return { isToEnd: false, why: `is kept until ${keepUntil}` };

  const isOver =
    hasFailed(executionState) ||
    executionState === "SUCCEEDED" ||
    (executionState === "DOES_NOT_EXIST" && age > unknownExecutionMarginMs);
  const isDue = executionState === "SUCCEEDED" && keepUntil !== "";
  return {
    isToEnd: isOver,
    isDue,
    why: isDue ? `was kept until ${keepUntil}` : `has an execution that is ${executionState}`,
  };
}

/** One pass over the clusters, with its results so far. */
class SweepPass {
  readonly ended: string[] = [];
  readonly leftAlone: string[] = [];
  readonly failures: string[] = [];
  unexpectedCount = 0;
  aliveCount = 0;
  terminatingCount = 0;
  oldestMs = 0;

  readonly #config: SweepConfig;
  readonly #clients: SweepClients;
  readonly #now: Date;

  constructor(config: SweepConfig, clients: SweepClients, now: Date) {
    this.#config = config;
    this.#clients = clients;
    this.#now = now;
  }

  /** Lists all candidates before any is terminated, because terminating clusters would shift the pages. */
  async listCandidates(): Promise<readonly string[]> {
    const ids: string[] = [];
    try {
      for await (const { id, name } of listClusters(this.#clients.emr, { ClusterStates: [...activeStates] })) {
        if (name.startsWith(clusterNamePrefix)) ids.push(id);
      }
    } catch (error) {
      this.failures.push(`the list of clusters (${describeError(error)})`);
    }
    return ids;
  }

  async sweep(id: string): Promise<void> {
    try {
      await this.#endOrLeave(id);
    } catch (error) {
      this.leftAlone.push(id);
      this.failures.push(`${id} (${describeError(error)})`);
    }
  }

  #count(cluster: Cluster): void {
    if (isOthers(cluster, this.#config)) return;
    if (stateOf(cluster) === "TERMINATING") this.terminatingCount += 1;
    if (!isAlive(stateOf(cluster))) return;
    this.aliveCount += 1;
    this.oldestMs = Math.max(this.oldestMs, ageMs(cluster, this.#now));
  }

  async #endOrLeave(id: string): Promise<void> {
    const { emr, sfn } = this.#clients;
    const cluster = await describeCluster(emr, id);
    this.#count(cluster);
    if (!isAlive(stateOf(cluster))) return;
    const { isToEnd, isDue, why } = await decide(cluster, this.#config, sfn, this.#now);
    const details = { clusterId: id, name: cluster.Name, executionArn: tagOf(cluster, executionTag) };
    if (isToEnd) {
      const state = await endCluster(emr, cluster);
      this.ended.push(id);
      if (!isDue) this.unexpectedCount += 1;
      logger.warn(`Terminated cluster ${id}: it ${why}`, { ...details, state });
    } else {
      this.leftAlone.push(id);
      logger.info(`Left cluster ${id} alone: it ${why}`, details);
    }
  }
}

/** Records each pass for the alarms, even one without clusters. */
function recordMetrics(pass: SweepPass): void {
  // The alarm SweepActed watches this metric; a kept cluster at its deadline is not a failure.
  metrics.addMetric("EndedClusters", MetricUnit.Count, pass.unexpectedCount);
  metrics.addMetric("AliveClusters", MetricUnit.Count, pass.aliveCount);
  metrics.addMetric("TerminatingClusters", MetricUnit.Count, pass.terminatingCount);
  // CloudWatch has no unit for hours.
  metrics.addMetric("OldestClusterHours", MetricUnit.NoUnit, pass.oldestMs / hourMs);
}

/**
 * Terminates the clusters that nothing else has terminated: status changes are delivered on a best-effort basis, an
 * execution may be stopped during RunJobFlow, and a Spark step that hangs is not idle. An error with one cluster does
 * not keep the sweep from the others.
 *
 * @param now the time that ages and deadlines are compared with
 * @throws Error at the end, naming every cluster that could not be checked or terminated
 */
export async function sweepClusters(
  config: SweepConfig,
  clients: SweepClients,
  now: Date = new Date(),
): Promise<Sweep> {
  const pass = new SweepPass(config, clients, now);
  for (const id of await pass.listCandidates()) await pass.sweep(id);
  const { ended, leftAlone, failures } = pass;
  recordMetrics(pass);
  logger.info("Swept", { endedCount: ended.length, leftAloneCount: leftAlone.length, failureCount: failures.length });
  if (failures.length > 0)
    throw new Error(`Not checked or not terminated, the next sweep tries again: ${failures.join("; ")}`);
  return { ended, leftAlone };
}
