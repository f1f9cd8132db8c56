import { setTimeout as sleep } from "node:timers/promises";
import { EMRServiceException, ListClustersCommand } from "@aws-sdk/client-emr";
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
import { describeCluster } from "../../lambdas/aws/emr.ts";
import { clusterNamePrefix } from "../../lambdas/contract/tags.ts";
import type { Clients } from "../account/aws-clients.ts";
import { type Lifetime, waitUntil } from "../terminal/lifetime.ts";
import type { ExecutionInput } from "./execution-input.ts";
import { type StateVisit, visitsOf } from "./state-visits.ts";

/** After an execution was stopped, its cluster is ended by an event: that takes a moment. */
const clusterEndMs = 30_000;

export interface Execution {
  readonly runId: string;
  readonly arn: string;
}

/**
 * Starts an execution that is stopped, with its cluster, when the command ends before it.
 *
 * @param outlives the account lives on after the command; else it takes its clusters with it
 */
export async function startExecution(
  lifetime: Lifetime,
  clients: Clients,
  stateMachineArn: string,
  runId: string,
  input: ExecutionInput,
  outlives: boolean,
): Promise<Execution> {
  const arn = `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${runId}`;
  const execution: Execution = { runId, arn };
  // Before it starts: an interruption may come while the answer is on its way.
  lifetime.defer(() => stopExecution(clients, execution, outlives));
  await clients.sfn.send(new StartExecutionCommand({ stateMachineArn, name: runId, input: JSON.stringify(input) }));
  return execution;
}

function describe({ sfn }: Clients, { arn }: Execution): Promise<DescribeExecutionOutput> {
  return sfn.send(new DescribeExecutionCommand({ executionArn: arn }));
}

async function stopExecution(clients: Clients, execution: Execution, outlives: boolean): Promise<void> {
  try {
    if ((await describe(clients, execution)).status !== "RUNNING") return;
  } catch (error) {
    // It was interrupted before it had started.
    if (error instanceof Error && error.name === "ExecutionDoesNotExist") return;
    throw error;
  }
  const cause = "The command that started the execution was interrupted.";
  await clients.sfn.send(new StopExecutionCommand({ executionArn: execution.arn, error: "Interrupted", cause }));
  if (!outlives) return;
  const hasEnded = await waitUntil(async () => {
    const cluster = await findCluster(clients, execution.runId);
    return cluster === undefined || isGone(cluster.state);
  }, clusterEndMs);
  if (!hasEnded)
    throw new Error(`the cluster of ${execution.runId} may still be running; aws emr list-clusters --active shows it`);
}

export interface Cluster {
  readonly id: string;
  readonly state: string;
}

/** The cluster of a run, asked from EMR itself; the contract gives it the run's name. */
export async function findCluster({ emr }: Clients, runId: string): Promise<Cluster | undefined> {
  // The newest come first: one page has it.
  const { Clusters = [] } = await emr.send(new ListClustersCommand({}));
  const id = Clusters.find(({ Name }) => Name === `${clusterNamePrefix}${runId}`)?.Id;
  return id === undefined ? undefined : { id, state: stateOf(await describeCluster(emr, id)) };
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
/** What the Spark job says of itself, about once a second. */
export type JobProgress = z.output<typeof progressSchema>;

async function readProgress({ s3 }: Clients, bucket: string, runId: string): Promise<JobProgress | undefined> {
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: `runs/${runId}/progress.json` }));
    return progressSchema.parse(JSON.parse((await Body?.transformToString()) ?? ""));
  } catch (error) {
    // Before the job's first word there is no such object.
    if (error instanceof Error && error.name === "NoSuchKey") return undefined;
    throw error;
  }
}

async function readHistory(
  { sfn }: Clients,
  { arn }: Execution,
  includeExecutionData: boolean,
): Promise<readonly HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  const pages = paginateGetExecutionHistory({ client: sfn }, { executionArn: arn, includeExecutionData });
  for await (const { events: page = [] } of pages) events.push(...page);
  return events;
}

/** The state that each step of the Spark job runs in. */
const stateOfStep: Readonly<Record<string, string>> = {
  inventory: "Inventory",
  features: "ExtractFeatures",
  reduction: "ReduceDimensions",
};

interface Watcher {
  /** A state was left. */
  readonly onLeft: (visit: StateVisit) => void;
  /** What runs now, at each poll. */
  readonly onRunning: (visit: StateVisit, progress: JobProgress | undefined) => void;
}

/**
 * Follows an execution until it has ended.
 *
 * @param pollMilliseconds Step Functions bears some calls a second, of all who use the account
 */
export async function watchExecution(
  lifetime: Lifetime,
  clients: Clients,
  bucket: string,
  execution: Execution,
  watcher: Watcher,
  pollMilliseconds: number,
): Promise<DescribeExecutionOutput> {
  let told = 0;
  for (;;) {
    const described = await describe(clients, execution);
    const visits = visitsOf(await readHistory(clients, execution, false));
    for (const visit of visits.slice(told)) {
      if (!visit.leftAt) break;
      watcher.onLeft(visit);
      told += 1;
    }
    if (described.status !== "RUNNING") return described;
    const current = visits.at(-1);
    if (current && !current.leftAt) watcher.onRunning(current, await progressIn(current, clients, bucket, execution));
    await sleep(pollMilliseconds, undefined, { signal: lifetime.signal });
  }
}

async function progressIn(
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
  /** The state data as the last state got it; empty when the execution ended before its first. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly cluster: Cluster | undefined;
}

/** Everything that is known of an execution that has ended. */
export async function readEnding(clients: Clients, execution: Execution): Promise<Ending> {
  const events = await readHistory(clients, execution, true);
  const lastInput = events.findLast(
    ({ stateEnteredEventDetails: entered }) => entered?.input,
  )?.stateEnteredEventDetails;
  const data = z.record(z.string(), z.unknown()).parse(JSON.parse(lastInput?.input ?? "{}"));
  return { visits: visitsOf(events), data, cluster: await clusterOf(clients, execution) };
}

async function clusterOf(clients: Clients, { runId }: Execution): Promise<Cluster | undefined> {
  try {
    return await findCluster(clients, runId);
  } catch (error) {
    if (error instanceof EMRServiceException) return { id: "?", state: `UNKNOWN (${error.message})` };
    throw error;
  }
}
