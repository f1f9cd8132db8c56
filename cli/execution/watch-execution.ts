import { EMRServiceException } from "@aws-sdk/client-emr";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import {
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  type HistoryEvent,
  paginateGetExecutionHistory,
  StartExecutionCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import { z } from "zod";
import { isGone, stateOf } from "../../lambdas/aws/cluster-states.ts";
import { findClusters } from "../../lambdas/aws/emr.ts";
import { isNamed } from "../../lambdas/aws/errors.ts";
import { listVisits, type StateVisit } from "../../lambdas/aws/state-visits.ts";
import { executionArnPrefix } from "../../lambdas/contract/arns.ts";
import { stateOfStep } from "../../lambdas/contract/job-steps.ts";
import { newRunId } from "../../lambdas/contract/run-id.ts";
import { progressFile, runKey } from "../../lambdas/contract/s3-layout.ts";
import { waitUntil } from "../../shared/wait-until.ts";
import type { Clients } from "../account/aws-clients.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { ExecutionInput } from "./execution-input.ts";
import { untilConnected } from "./lost-connection.ts";
import type { StateData } from "./run-report.ts";

/** Time for the event rule to terminate the cluster of a stopped execution. */
const clusterEndMs = 30_000;

export interface Execution {
  readonly runId: string;
  readonly arn: string;
}

/** Names an execution that is to be started. */
export function newExecution(stateMachineArn: string): Execution {
  const runId = newRunId(new Date());
  return { runId, arn: `${executionArnPrefix(stateMachineArn)}${runId}` };
}

export async function startExecution(
  { sfn }: Clients,
  stateMachineArn: string,
  { runId }: Execution,
  executionInput: ExecutionInput,
): Promise<void> {
  await sfn.send(new StartExecutionCommand({ stateMachineArn, name: runId, input: JSON.stringify(executionInput) }));
}

/**
 * Stops an execution when the command ends first. Call this before the start, because an interruption may occur before
 * the response arrives.
 *
 * @param outlives whether the account outlives the command; then its clusters are awaited, too
 */
export function stopWithCommand(lifetime: Lifetime, clients: Clients, execution: Execution, outlives: boolean): void {
  lifetime.defer(() => stopExecution(clients, execution, outlives));
}

/** Describes an execution. @throws ExecutionDoesNotExist */
export function describeExecution({ sfn }: Clients, { arn }: Pick<Execution, "arn">): Promise<DescribeExecutionOutput> {
  return sfn.send(new DescribeExecutionCommand({ executionArn: arn }));
}

/** Whether an execution has started and has not ended. */
export async function isExecutionRunning(clients: Clients, execution: Execution): Promise<boolean> {
  try {
    return (await describeExecution(clients, execution)).status === "RUNNING";
  } catch (error) {
    // The command was interrupted before the execution started.
    if (isNamed(error, "ExecutionDoesNotExist")) return false;
    throw error;
  }
}

/** Stops an execution, if it is running. @param outlives as for stopWithCommand */
export async function stopExecution(clients: Clients, execution: Execution, outlives: boolean): Promise<void> {
  if (!(await isExecutionRunning(clients, execution))) return;
  const cause = "The command that started the execution was interrupted.";
  await clients.sfn.send(new StopExecutionCommand({ executionArn: execution.arn, error: "Interrupted", cause }));
  if (!outlives) return;
  const hasEnded = await waitUntil(
    async () => {
      const cluster = await findCluster(clients, execution);
      return cluster === undefined || isGone(cluster.state);
    },
    { timeoutMs: clusterEndMs },
  );
  if (!hasEnded)
    throw new Error(`the cluster of ${execution.runId} may still be running; aws emr list-clusters --active shows it`);
}

export interface Cluster {
  readonly id: string;
  readonly state: string;
}

/** Finds the cluster of an execution, even if it is gone. */
export async function findCluster(clients: Clients, execution: Execution): Promise<Cluster | undefined> {
  const { startDate = new Date(0) } = await describeExecution(clients, execution);
  const { runId: name, arn: id } = execution;
  const { ours, failures } = await findClusters(
    clients.emr,
    { id, name, startTime: startDate.toISOString() },
    {},
    "any",
  );
  const [cluster] = ours;
  if (cluster?.Id !== undefined) return { id: cluster.Id, state: stateOf(cluster) };
  if (failures.length > 0) throw failures[0];
  return undefined;
}

const progressSchema = z.object({
  step: z.string(),
  state: z.string(),
  done: z.number(),
  total: z.number(),
  unit: z.string(),
  errors: z.number(),
  ratePerSecond: z.number(),
  secondsLeft: z.number().nullable(),
});
/** Progress that the Spark job reports about once a second. */
export type JobProgress = z.output<typeof progressSchema>;

async function readProgress({ s3 }: Clients, bucket: string, runId: string): Promise<JobProgress | undefined> {
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: runKey(runId, progressFile) }));
    return progressSchema.parse(JSON.parse((await Body?.transformToString()) ?? ""));
  } catch (error) {
    // The object does not exist before the job's first report.
    if (isNamed(error, "NoSuchKey")) return undefined;
    throw error;
  }
}

/** Reads all events of an execution, with or without the data that its states received and returned. */
export async function readHistory(
  { sfn }: Clients,
  { arn }: Pick<Execution, "arn">,
  includeExecutionData: boolean,
): Promise<readonly HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  const pages = paginateGetExecutionHistory({ client: sfn }, { executionArn: arn, includeExecutionData });
  for await (const { events: page = [] } of pages) events.push(...page);
  return events;
}

export interface Watcher {
  /** Called once for each completed state. */
  readonly onLeft: (visit: StateVisit) => Promise<void>;
  /** Called at each poll with the current state. */
  readonly onRunning: (visit: StateVisit, progress: JobProgress | undefined) => Promise<void>;
  /** Called when the network or a service does not answer, and the watching goes on. Without this, the watching ends. */
  readonly onLost?: (error: Error) => void;
}

/**
 * Watches an execution until it has ended.
 *
 * @param pollMilliseconds pause between polls; Step Functions limits the calls per second of the whole account
 */
export async function watchExecution(
  lifetime: Lifetime,
  clients: Clients,
  bucket: string,
  execution: Execution,
  watcher: Watcher,
  pollMilliseconds: number,
): Promise<DescribeExecutionOutput> {
  const { onLost } = watcher;
  const patience = { everyMs: pollMilliseconds, signal: lifetime.signal };
  const patiently = <T>(read: () => Promise<T>): Promise<T> =>
    onLost ? untilConnected(read, { ...patience, onLost }) : read();
  let described = await patiently(() => describeExecution(clients, execution));
  let reported = 0;
  const look = async (): Promise<boolean> => {
    described = await describeExecution(clients, execution);
    const visits = listVisits(await readHistory(clients, execution, false));
    for (const visit of visits.slice(reported)) {
      if (!visit.leftAt) break;
      await watcher.onLeft(visit);
      reported += 1;
    }
    if (described.status !== "RUNNING") return true;
    const current = visits.at(-1);
    if (current && !current.leftAt) {
      await watcher.onRunning(current, await readProgressIn(current, clients, bucket, execution));
    }
    return false;
  };
  await waitUntil(() => patiently(look), patience);
  return described;
}

/** Reads the job's progress, if it belongs to the state: the object may still describe an earlier step. */
async function readProgressIn(
  visit: StateVisit,
  clients: Clients,
  bucket: string,
  execution: Execution,
): Promise<JobProgress | undefined> {
  if (!Object.values(stateOfStep).includes(visit.name)) return undefined;
  const progress = await readProgress(clients, bucket, execution.runId);
  return progress && stateOfStep[progress.step] === visit.name ? progress : undefined;
}

export interface Ending {
  readonly visits: readonly StateVisit[];
  /** State data that the last state received; empty when the execution ended in its first state, or before it. */
  readonly data: StateData;
  readonly cluster: Cluster | undefined;
}

/** Reads the history, the state data and the cluster of an ended execution. */
export async function readEnding(clients: Clients, execution: Execution): Promise<Ending> {
  const events = await readHistory(clients, execution, true);
  return { visits: listVisits(events), data: lastData(events), cluster: await findClusterSafely(clients, execution) };
}

/** The state data that the last state received; empty when the execution ended in its first state. */
export function lastData(events: readonly HistoryEvent[]): StateData {
  const inputs = events.flatMap(({ stateEnteredEventDetails: entered }) => entered?.input ?? []);
  // The first state receives the execution input, which may be any JSON value.
  return z.record(z.string(), z.unknown()).parse(JSON.parse(inputs.slice(1).at(-1) ?? "{}"));
}

/** Finds the cluster; an error of EMR becomes part of the report instead of hiding it. */
async function findClusterSafely(clients: Clients, execution: Execution): Promise<Cluster | undefined> {
  try {
    return await findCluster(clients, execution);
  } catch (error) {
    if (error instanceof EMRServiceException) return { id: "?", state: `UNKNOWN (${error.message})` };
    throw error;
  }
}
