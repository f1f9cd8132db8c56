// Asks AWS about an ended run.
import type { Cluster, Instance, StepSummary } from "@aws-sdk/client-emr";
import { type _Object, paginateListObjectsV2 } from "@aws-sdk/client-s3";
import type { HistoryEvent } from "@aws-sdk/client-sfn";
import { stateOf } from "../../lambdas/aws/cluster-states.ts";
import { describeCluster, listInstances } from "../../lambdas/aws/emr.ts";
import { isNamed } from "../../lambdas/aws/errors.ts";
import { readJson } from "../../lambdas/aws/s3.ts";
import { listSteps } from "../../lambdas/aws/steps.ts";
import { type Plan, planSchema } from "../../lambdas/contract/plan.ts";
import { emrLogsPrefix, planFile, runKey } from "../../lambdas/contract/s3-layout.ts";
import { trueCost } from "../../lambdas/planning/true-cost.ts";
import type { Clients } from "../account/aws-clients.ts";
import { describeExecution, type Execution, findCluster, readHistory } from "../execution/watch-execution.ts";
import type { Kind, Observation, ObservedCluster, Run } from "./observation.ts";

export interface Deployed {
  readonly clients: Clients;
  readonly stateMachineArn: string;
  readonly bucket: string;
}

function minutesBetween(from: Date | undefined, to: Date | undefined): number | null {
  return from && to ? (to.getTime() - from.getTime()) / 60_000 : null;
}

/** The states that an execution has entered, in order. */
export async function enteredStates(clients: Clients, execution: Execution): Promise<readonly string[]> {
  const events = await readHistory(clients, execution, false);
  return events.flatMap(({ stateEnteredEventDetails: entered }) => entered?.name ?? []);
}

/** plan.json of a run; undefined if Preflight refused it. */
export async function readPlan({ clients: { s3 }, bucket }: Deployed, runId: string): Promise<Plan | undefined> {
  try {
    return await readJson(s3, { bucket, key: runKey(runId, planFile) }, planSchema);
  } catch (error) {
    if (isNamed(error, "NoSuchKey")) return undefined;
    throw error;
  }
}

async function listLogs({ clients: { s3 }, bucket }: Deployed, clusterId: string): Promise<readonly _Object[]> {
  const found: _Object[] = [];
  const pages = paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: `${emrLogsPrefix}${clusterId}/` });
  for await (const { Contents = [] } of pages) found.push(...Contents);
  return found;
}

/** Replaces the ids of steps, instances, applications and containers, which differ in each run. */
export function withoutIds(key: string): string {
  return key.replaceAll(/(?<=^|\/)(s-|i-|application_|container_)[^/]+/g, "*");
}

/** Minutes from the end of the first step that has a log until that log was on S3. */
function logDelay(prefix: string, steps: readonly StepSummary[], logs: readonly _Object[]): number | null {
  for (const { Id, Status } of steps) {
    const log = logs.find(({ Key }) => Key === `${prefix}steps/${Id}/controller.gz`);
    if (log) return Math.max(0, minutesBetween(Status?.Timeline?.EndDateTime, log.LastModified) ?? 0);
  }
  return null;
}

/** The longest time in minutes from the end of a step until Step Functions noticed it. */
function pollDelay(oldestFirst: readonly StepSummary[], events: readonly HistoryEvent[]): number | null {
  const noticed = events.filter(({ taskSucceededEventDetails, taskFailedEventDetails }) => {
    return (taskSucceededEventDetails ?? taskFailedEventDetails)?.resource === "addStep.sync";
  });
  const delays = noticed.flatMap((event, at) => {
    return minutesBetween(oldestFirst[at]?.Status?.Timeline?.EndDateTime, event.timestamp) ?? [];
  });
  return delays.length === 0 ? null : Math.max(...delays);
}

async function observeCluster(
  deployed: Deployed,
  cluster: Cluster,
  instances: readonly Instance[],
  events: readonly HistoryEvent[],
  ended: Date | undefined,
): Promise<ObservedCluster> {
  const {
    Id: id = "",
    Status: { Timeline: time, StateChangeReason: reason } = {},
    ReleaseLabel: release = "",
  } = cluster;
  const [newestFirst, logs] = await Promise.all([listSteps(deployed.clients.emr, id), listLogs(deployed, id)]);
  const steps = newestFirst.toReversed();
  const prefix = `${emrLogsPrefix}${id}/`;
  return {
    id,
    state: stateOf(cluster),
    reason: reason?.Code ?? "",
    release,
    steps: steps.map(({ Name: name = "", Status }) => ({ name, state: Status?.State ?? "" })),
    nodes: instances.map(({ InstanceType, Market }) => `${InstanceType} ${Market}`),
    logs: [...new Set(logs.map(({ Key = "" }) => withoutIds(Key.slice(prefix.length))))].sort(),
    startMinutes: minutesBetween(time?.CreationDateTime, time?.ReadyDateTime),
    endMinutes: minutesBetween(ended, time?.EndDateTime),
    logMinutes: logDelay(prefix, steps, logs),
    pollMinutes: pollDelay(steps, events),
  };
}

/** The cause of an error of a Lambda function is JSON, but its text suffices here. */
function describeTaskFailure(events: readonly HistoryEvent[]): string {
  const failed = events.find(({ taskFailedEventDetails }) => taskFailedEventDetails)?.taskFailedEventDetails;
  return failed ? `${failed.resource} ${failed.error}` : "";
}

/** Collects what AWS says about an ended execution and its cluster, which must have ended, too. */
export async function observe(deployed: Deployed, kind: Kind, run: Run, execution: Execution): Promise<Observation> {
  const { clients } = deployed;
  const [described, events, found, plan] = await Promise.all([
    describeExecution(clients, execution),
    readHistory(clients, execution, true),
    findCluster(clients, execution),
    readPlan(deployed, execution.runId),
  ]);
  const cluster = found && (await describeCluster(clients.emr, found.id));
  const { status = "", error = "", cause = "", startDate = new Date(0), stopDate } = described;
  const instances = found ? await listInstances(clients.emr, found.id) : [];
  return {
    kind,
    run,
    runId: execution.runId,
    status,
    error,
    cause,
    taskFailure: describeTaskFailure(events),
    cluster: cluster && (await observeCluster(deployed, cluster, instances, events, stopDate)),
    quotedUsd: plan?.estimate.usd ?? null,
    actualUsd:
      plan && cluster ? trueCost(plan, plan.counts.images, cluster, instances, startDate, new Date()).actualUsd : null,
  };
}
