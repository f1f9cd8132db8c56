import { type Cluster, type EMRClient, ListStepsCommand, type StepState, type StepSummary } from "@aws-sdk/client-emr";
import { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { stateOf } from "./aws/cluster-states.ts";
import { createEmrClient, describeCluster, findClusters, listInstances, tagOf } from "./aws/emr.ts";
import { describeError } from "./aws/errors.ts";
import { runOf } from "./aws/steps.ts";
import type { Cost } from "./contract/cost.ts";
import { executionSchema } from "./contract/execution.ts";
import type { Diagnosis } from "./contract/failure.ts";
import type { Section } from "./contract/sections.ts";
import { partialStateSchema } from "./contract/state-data.ts";
import { executionTag } from "./contract/tags.ts";
import {
  describeQuotedEnd,
  describeStepEnd,
  explainRequestedTermination,
  explainTermination,
  isJobTerminated,
} from "./diagnosis/cluster-end.ts";
import { readClusterMessage } from "./diagnosis/cluster-failures.ts";
import type { Explanation } from "./diagnosis/failure-pattern.ts";
import { readFunctionError } from "./diagnosis/function-failures.ts";
import { deployAgain, type Found, type Patience, readBootstrapLogs, readStepLogs } from "./diagnosis/logs.ts";
import { oneLine } from "./diagnosis/root-cause.ts";
import { trueCost } from "./planning/true-cost.ts";
import { type Environment, environmentSchema, readEnvironment } from "./runtime/environment.ts";
import { lambdaHandler, logger } from "./runtime/handler.ts";

export const diagnoseFailureEventSchema = z.object({ state: partialStateSchema, execution: executionSchema });
export type DiagnoseFailureEvent = z.output<typeof diagnoseFailureEventSchema>;

const settings = environmentSchema.pick({ DATA_BUCKET: true });
export type DiagnoseFailureConfig = Pick<Environment, keyof typeof settings.shape>;

export interface DiagnoseClients {
  readonly s3: S3Client;
  readonly emr: EMRClient;
}

/** EMR uploads logs every few minutes, and once more when the cluster goes: about 30 s are worth the wait. */
const patience: Patience = { attempts: 10, pauseMs: 3_000 };

const lambdaCause = z.object({ errorMessage: z.string() });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // A cause need not be JSON; then it is read as it is.
    logger.debug("The cause is plain text", { error });
    return undefined;
  }
}

interface Stated {
  readonly text: string;
  readonly isFromFunction: boolean;
}

/** The cause as the first error gave it, in words. */
function statedCause(event: DiagnoseFailureEvent): Stated {
  const { Error: name, Cause } = event.state.error ?? { Error: "Unknown", Cause: "" };
  const json = parseJson(Cause);
  const thrown = lambdaCause.safeParse(json);
  if (thrown.success) return { text: thrown.data.errorMessage, isFromFunction: true };
  const inWords = name === "States.Timeout" ? "It did not end within its time limit (States.Timeout)" : name;
  // Of a long answer Step Functions quotes the beginning alone, which is no JSON any more, and no words either.
  const isInWords = json === undefined && !Cause.startsWith("{") && Cause !== name;
  const text = describeQuotedEnd(json) || (isInWords && Cause) || inWords;
  return { text, isFromFunction: false };
}

/** What a function's refusal or failure is about. */
function readThrown(errorName: string | undefined, text: string): Explanation {
  const about = (section: Section): Explanation => ({ section, remedy: null });
  if (errorName === "ResultsInvalid") return about("the-results-are-refused");
  if (/maxCostUsd: the plan is estimated/.test(text)) return about("costs-too-high");
  if (errorName === "InvalidInput" || errorName === "PreflightFailed" || errorName === "OtherExecutionRunning") {
    return about("the-run-is-refused-before-it-starts");
  }
  return readFunctionError(text);
}

const stepStates = { inventory: "Inventory", features: "ExtractFeatures", reduction: "ReduceDimensions" } as const;

/** Only an execution whose input says so takes its turn; what it is told is in the state data afterwards. */
function isWithoutTurn({ input, turn }: DiagnoseFailureEvent["state"]): boolean {
  return turn === undefined && z.object({ overlap: z.enum(["skip", "queue"]) }).safeParse(input).success;
}

/** The failed state, as far as what is there and what is missing tells. */
function failedState({ state }: DiagnoseFailureEvent, steps: readonly StepSummary[] = []): string {
  if (!state.plan) return isWithoutTurn(state) ? "TakeTurn" : "Preflight";
  if (state.scripts === undefined) return "UploadScripts";
  if (!state.cluster) return "CreateCluster";
  if (state.validation) return state.plan.keepMinutes > 0 ? "KeepCluster" : "TerminateCluster";
  // The only integration of the AWS SDK's kind, whose errors are named like this; those of the others begin with "EMR.".
  if (state.error?.Error.startsWith("Emr.")) return "SetManagedScaling";
  const planned = state.plan.steps;
  const completed = steps.filter(({ Status }) => Status?.State === "COMPLETED").map(({ Name }) => Name);
  const pending = (["inventory", "features", "reduction"] as const)
    .filter((step) => planned[step])
    .map((step) => stepStates[step])
    .filter((name) => !completed.includes(name));
  return pending[0] ?? "ValidateResults";
}

function newestFirst(a: StepSummary, b: StepSummary): number {
  return Number(b.Status?.Timeline?.CreationDateTime ?? 0) - Number(a.Status?.Timeline?.CreationDateTime ?? 0);
}

/** The cluster that failed: known by id, quoted in the cause, or found by name and tag even though it is gone. */
async function findCluster(event: DiagnoseFailureEvent, emr: EMRClient): Promise<Cluster | undefined> {
  const { state, execution } = event;
  if (!state.plan || state.scripts === undefined) return undefined;
  const id =
    state.cluster?.id ?? /\bj-[A-Z0-9]+\b/.exec(state.error?.Cause ?? "")?.[0] ?? state.teardown?.clusterIds[0];
  if (id !== undefined) return describeCluster(emr, id);
  const { ours, failures } = await findClusters(emr, execution, state, "any");
  if (!ours[0] && failures.length > 0) throw failures[0];
  return ours[0];
}

/** All of a diagnosis but what it says of the cluster. */
type Finding = Omit<Diagnosis, "cluster" | "cost">;

/** What a failure means, in the place of the words that it came with where there are better ones. */
function asRead(cause: string, { says, section, remedy }: Explanation): Pick<Finding, "cause" | "section" | "remedy"> {
  return {
    cause: says ?? cause,
    section,
    remedy,
  };
}

function afterTimeOut(state: string): string {
  return `Start again: features that are done are kept${state === "ValidateResults" ? "" : ". With more nodes (cluster.coreCount) it takes less time"}`;
}

async function investigate(
  event: DiagnoseFailureEvent,
  looking: Promise<Cluster | undefined>,
  config: DiagnoseFailureConfig,
  { s3, emr }: DiagnoseClients,
  wait: Patience,
): Promise<Finding> {
  const stated = statedCause(event);
  const cause = oneLine(stated.text);
  const { plan, error, cluster: known, validation } = event.state;
  const nothingRead = { cause, log: null, excerpt: [], remedy: null };
  const before = failedState(event);
  if (validation) {
    // The results are valid, and only the cluster would not go, or could not be kept.
    const read = stated.isFromFunction ? asRead(cause, readFunctionError(cause)) : {};
    const section = before === "KeepCluster" ? "a-cluster-is-kept" : "a-cluster-is-left";
    return { ...nothingRead, ...read, state: before, section };
  }
  if (stated.isFromFunction || !plan || event.state.scripts === undefined) {
    const state = stated.isFromFunction && known ? "ValidateResults" : before;
    return { ...nothingRead, ...asRead(cause, readThrown(error?.Error, cause)), state };
  }

  const cluster = await looking;
  const refused = readClusterMessage(cause, plan.cluster);
  const asRefused = { ...nothingRead, ...asRead(cause, refused) };
  // RunJobFlow itself was refused.
  if (!cluster?.Id) return { ...asRefused, state: before };
  const { Steps = [] } = await emr.send(new ListStepsCommand({ ClusterId: cluster.Id }));
  // On a borrowed cluster others' steps have failed, too.
  const steps = Steps.filter((step) => !plan.borrowed || runOf(step) === event.execution.name).toSorted(newestFirst);
  const state = failedState(event, steps);
  const clusterLogs = { bucket: config.DATA_BUCKET, key: `logs/emr/${cluster.Id}/` };

  const quotedId = /\bs-[A-Z0-9]+\b/.exec(error?.Cause ?? "")?.[0];
  const ended = (as: StepState): StepSummary | undefined => steps.find(({ Status }) => Status?.State === as);
  const step = steps.find(({ Id }) => Id === quotedId) ?? ended("FAILED") ?? ended("CANCELLED") ?? ended("INTERRUPTED");
  const readLogs = async (patience: Patience): Promise<Found | undefined> =>
    step?.Id === undefined
      ? undefined
      : readStepLogs(s3, clusterLogs, { id: step.Id, count: Steps.length }, patience, plan.cluster);

  if (step?.Status?.State === "FAILED") {
    const read = await readLogs(wait);
    const died = read?.cause === undefined ? explainTermination(cluster, plan, true) : undefined;
    const own = oneLine(describeStepEnd(step.Status));
    const asFailed = { ...nothingRead, section: "job-fails", ...read, state: step.Name ?? state } as const;
    return died ? { ...asFailed, ...asRead(own, died) } : { ...asFailed, cause: read?.cause ?? own };
  }
  const reason = cluster.Status?.StateChangeReason;
  if (reason?.Code === "BOOTSTRAP_FAILURE") {
    const node = /\bi-[0-9a-f]+\b/.exec(reason.Message ?? "")?.[0];
    const read = await readBootstrapLogs(s3, clusterLogs, node, wait);
    const own = oneLine(reason.Message ?? stated.text);
    const asStated = { ...nothingRead, section: "cluster-does-not-start", remedy: deployAgain } as const;
    return { ...asStated, ...read, state, cause: read?.cause ?? own };
  }

  // What the task's failure quotes was so before the teardown; a time-out and a refusal quote nothing.
  const isQuoted = error?.Error === "States.TaskFailed";
  const isRefusedAsGone = refused.section === "starting-again";
  const isReady = state !== "CreateCluster";
  const isTold = isQuoted && (!isReady || isJobTerminated(cause));
  const end =
    explainTermination(cluster, plan, isReady) ??
    (isQuoted || isRefusedAsGone ? explainRequestedTermination(cluster, plan, isReady, isTold) : undefined);
  if (!end && (!isReady || isRefusedAsGone)) return { ...asRefused, state };
  // Cut short: the logs tell how far it was, where there are any.
  const { log = null, excerpt = [] } = (await readLogs({ attempts: 1, pauseMs: 0 })) ?? {};
  const name = (step?.Id === quotedId ? step?.Name : undefined) ?? state;
  const remedy = error?.Error === "States.Timeout" ? afterTimeOut(name) : null;
  const asCut = { ...nothingRead, log, excerpt, section: "job-fails", remedy, state: name } as const;
  return end ? { ...asCut, ...asRead(cause, end) } : asCut;
}

/** A run that failed costs money, too. Never throws: what it cost is the least that a failure's mail has to tell. */
async function costOf(
  { state: { plan }, execution }: DiagnoseFailureEvent,
  cluster: Cluster,
  emr: EMRClient,
): Promise<Cost | null> {
  if (!plan || cluster.Id === undefined) return null;
  try {
    const instances = await listInstances(emr, cluster.Id);
    return trueCost(plan, 0, cluster, instances, new Date(execution.startTime), new Date());
  } catch (error) {
    logger.warn("What the cluster has cost is not known", { error });
    return null;
  }
}

/** The cluster that the execution created, which the state may not know: a creation that fails hands on no id. */
function ownCluster(cluster: Cluster, { execution }: DiagnoseFailureEvent): Diagnosis["cluster"] {
  return cluster.Id !== undefined && tagOf(cluster, executionTag) === execution.id
    ? { id: cluster.Id, state: stateOf(cluster) }
    : null;
}

/**
 * Finds the root cause of the first error: a function's own message, a failed step's line, a bootstrap action's.
 * Never throws: a diagnosis that fails must not stand between a failed run and its mail, so the cause is then the
 * first error's as it stands.
 */
export async function diagnoseFailure(
  event: DiagnoseFailureEvent,
  config: DiagnoseFailureConfig,
  clients: DiagnoseClients,
  wait: Patience = patience,
): Promise<Diagnosis> {
  const looking = findCluster(event, clients.emr);
  const cluster = await looking.catch((error: unknown) => {
    logger.warn("The cluster is not known", { error });
  });
  const seen = cluster
    ? { cluster: ownCluster(cluster, event), cost: await costOf(event, cluster, clients.emr) }
    : { cluster: null, cost: null };
  try {
    return { ...(await investigate(event, looking, config, clients, wait)), ...seen };
  } catch (error) {
    logger.error("The diagnosis failed", { error });
    return {
      cause: oneLine(`${statedCause(event).text} (the logs could not be read: ${describeError(error)})`),
      state: failedState(event),
      log: null,
      excerpt: [],
      section: "job-fails",
      remedy: null,
      ...seen,
    };
  }
}

const clients: DiagnoseClients = { s3: new S3Client({}), emr: createEmrClient() };

export const handler = lambdaHandler(diagnoseFailureEventSchema, (event) =>
  diagnoseFailure(event, readEnvironment(settings), clients),
);
