import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { type Cluster, type EMRClient, ListStepsCommand, type StepStatus, type StepSummary } from "@aws-sdk/client-emr";
import { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { type Environment, environment, readConfig } from "./shared/config.ts";
import { createEmrClient, describeCluster, findClusters } from "./shared/emr.ts";
import { describeError, isNamed } from "./shared/errors.ts";
import { lambdaHandler, logger } from "./shared/handler.ts";
import { lastLines, oneLine, rootCause } from "./shared/root-cause.ts";
import { listObjects, readBytes, type S3Location } from "./shared/s3.ts";
import { type Diagnosis, execution, partialState } from "./shared/schemas.ts";

export const diagnoseFailureEvent = z.object({ state: partialState, execution });
export type DiagnoseFailureEvent = z.output<typeof diagnoseFailureEvent>;

const settings = environment.pick({ DATA_BUCKET: true });
export type DiagnoseFailureConfig = Pick<Environment, keyof typeof settings.shape>;

export interface DiagnoseClients {
  readonly s3: S3Client;
  readonly emr: EMRClient;
}

export interface Patience {
  readonly attempts: number;
  readonly pauseMs: number;
}

/** EMR uploads logs every few minutes, and once more when the cluster goes: about 30 s are worth the wait. */
const patience: Patience = { attempts: 10, pauseMs: 3_000 };

const maxLogFiles = 20;
const maxLogBytes = 20 * 1024 * 1024;

interface Log {
  readonly address: string;
  readonly text: string;
}

const readLog = async (s3: S3Client, { bucket, key }: S3Location): Promise<Log | undefined> => {
  try {
    const content = await readBytes(s3, { bucket, key });
    const bytes = key.endsWith(".gz") ? gunzipSync(content) : content;
    return { address: `s3://${bucket}/${key}`, text: new TextDecoder().decode(bytes) };
  } catch (error) {
    if (isNamed(error, "NoSuchKey")) return undefined;
    throw error;
  }
};

const readLogs = async (s3: S3Client, folder: S3Location, wanted: RegExp): Promise<readonly Log[]> => {
  const files = (await listObjects(s3, folder))
    .filter(({ key, bytes }) => wanted.test(key) && bytes <= maxLogBytes)
    // Container 000001 is the driver's, and its traceback says more than an executor's.
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .slice(0, maxLogFiles);
  const logs = await Promise.all(files.map(({ key }) => readLog(s3, { bucket: folder.bucket, key })));
  return logs.filter((log) => log !== undefined);
};

const fromLog = ({ address, text }: Log, cause: string): Pick<Diagnosis, "cause" | "log" | "excerpt"> => ({
  cause: oneLine(cause),
  log: address,
  excerpt: [...lastLines(text)],
});

/** The step's own statement from its stderr, or in cluster deploy mode from the containers' logs, once they arrive. */
const readStepLogs = async (
  s3: S3Client,
  clusterLogs: S3Location,
  stepId: string,
  { attempts, pauseMs }: Patience,
): Promise<Pick<Diagnosis, "cause" | "log" | "excerpt"> | undefined> => {
  const under = (path: string): S3Location => ({ ...clusterLogs, key: `${clusterLogs.key}${path}` });
  let guess: Pick<Diagnosis, "cause" | "log" | "excerpt"> | undefined;
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const client = await readLog(s3, under(`steps/${stepId}/stderr.gz`));
    const application = client && /application_\d+_\d+/.exec(client.text)?.[0];
    const containers =
      application === undefined ? [] : await readLogs(s3, under(`containers/${application}/`), /\/std(err|out)\.gz$/);
    // The YARN client's own exception says only that the application failed: the containers come first.
    for (const log of [...containers, ...(client ? [client] : [])]) {
      const found = rootCause(log.text);
      if (found?.isCertain) return fromLog(log, found.line);
      if (found) guess ??= fromLog(log, found.line);
    }
    const isComplete = client !== undefined && (application === undefined || containers.length > 0);
    if (isComplete) return guess ?? { ...fromLog(client, ""), cause: "" };
    if (attempt < attempts) await sleep(pauseMs);
  }
  return guess;
};

const readBootstrapLogs = async (
  s3: S3Client,
  clusterLogs: S3Location,
  { attempts, pauseMs }: Patience,
): Promise<Pick<Diagnosis, "cause" | "log" | "excerpt"> | undefined> => {
  const nodes = { ...clusterLogs, key: `${clusterLogs.key}node/` };
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    for (const log of await readLogs(s3, nodes, /\/bootstrap-actions\/.*\/stderr(\.gz)?$/)) {
      const last = rootCause(log.text)?.line ?? lastLines(log.text, 1)[0];
      if (last !== undefined) return fromLog(log, `Bootstrap action failed: ${last}`);
    }
    if (attempt < attempts) await sleep(pauseMs);
  }
  return undefined;
};

const lambdaCause = z.object({ errorType: z.string(), errorMessage: z.string() });
const status = z.object({
  FailureDetails: z.object({ Message: z.string().optional(), Reason: z.string().optional() }).optional(),
  StateChangeReason: z.object({ Message: z.string().optional() }).optional(),
});
const emrCause = z.object({
  Step: z.object({ Status: status }).optional(),
  Cluster: z.object({ Status: status }).optional(),
});

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    // A cause need not be JSON; then it is read as it is.
    logger.debug("The cause is plain text", { error });
    return undefined;
  }
};

const describeStatus = (given: StepStatus | undefined): string | undefined =>
  given?.FailureDetails?.Message ?? given?.FailureDetails?.Reason ?? given?.StateChangeReason?.Message;

/** The cause as the first error gave it, in words. */
const statedCause = (event: DiagnoseFailureEvent): { readonly text: string; readonly isFromFunction: boolean } => {
  const { Error: name, Cause } = event.state.error ?? { Error: "Unknown", Cause: "" };
  const json = parseJson(Cause);
  const thrown = lambdaCause.safeParse(json);
  if (thrown.success) return { text: thrown.data.errorMessage, isFromFunction: true };
  const service = emrCause.safeParse(json);
  const text =
    (service.success
      ? (describeStatus(service.data.Step?.Status) ?? describeStatus(service.data.Cluster?.Status))
      : undefined) ||
    Cause ||
    (name === "States.Timeout" ? "It did not end within its time limit (States.Timeout)" : name);
  return { text, isFromFunction: false };
};

const stepStates = { inventory: "Inventory", features: "ExtractFeatures", reduction: "ReduceDimensions" } as const;

/** The failed state, as far as what is there and what is missing tells. */
const failedState = ({ state }: DiagnoseFailureEvent, steps: readonly StepSummary[] = []): string => {
  if (!state.plan) return "Preflight";
  if (state.scripts === undefined) return "UploadScripts";
  if (!state.cluster) return "CreateCluster";
  if (state.validation) return "TerminateCluster";
  const planned = state.plan.steps;
  const completed = steps.filter(({ Status }) => Status?.State === "COMPLETED").map(({ Name }) => Name);
  const pending = (["inventory", "features", "reduction"] as const)
    .filter((step) => planned[step])
    .map((step) => stepStates[step])
    .filter((name) => !completed.includes(name));
  return pending[0] ?? "ValidateResults";
};

const newestFirst = (a: StepSummary, b: StepSummary): number =>
  Number(b.Status?.Timeline?.CreationDateTime ?? 0) - Number(a.Status?.Timeline?.CreationDateTime ?? 0);

/** Reasons that say how the cluster ended and not what went wrong: the teardown's own doing. */
const ownReasons = ["USER_REQUEST", "ALL_STEPS_COMPLETED", "STEP_FAILURE", ""];

/** The cluster that failed: known by id, quoted in the cause, or found by name and tag even though it is gone. */
const findCluster = async (event: DiagnoseFailureEvent, emr: EMRClient): Promise<Cluster | undefined> => {
  const { state, execution } = event;
  const id =
    state.cluster?.id ?? /\bj-[A-Z0-9]+\b/.exec(state.error?.Cause ?? "")?.[0] ?? state.teardown?.clusterIds[0];
  if (id !== undefined) return describeCluster(emr, id);
  return (await findClusters(emr, execution, state, "any")).ours[0];
};

const investigate = async (
  event: DiagnoseFailureEvent,
  config: DiagnoseFailureConfig,
  { s3, emr }: DiagnoseClients,
  wait: Patience,
): Promise<Diagnosis> => {
  const stated = statedCause(event);
  const nothingRead = { cause: oneLine(stated.text), log: null, excerpt: [] };
  if (stated.isFromFunction) {
    const isValidation = event.state.cluster !== undefined && event.state.validation === undefined;
    return { ...nothingRead, state: isValidation ? "ValidateResults" : failedState(event) };
  }
  if (!event.state.plan || event.state.scripts === undefined) return { ...nothingRead, state: failedState(event) };

  const cluster = await findCluster(event, emr);
  if (!cluster?.Id) return { ...nothingRead, state: failedState(event) };
  const { Steps = [] } = await emr.send(new ListStepsCommand({ ClusterId: cluster.Id }));
  const steps = Steps.toSorted(newestFirst);
  const state = failedState(event, steps);
  const clusterLogs = { bucket: config.DATA_BUCKET, key: `logs/emr/${cluster.Id}/` };

  const quotedStep = /\bs-[A-Z0-9]+\b/.exec(event.state.error?.Cause ?? "")?.[0];
  const step = steps.find(({ Id, Status }) => Id === quotedStep || Status?.State === "FAILED");
  if (step?.Id !== undefined) {
    const read = await readStepLogs(s3, clusterLogs, step.Id, wait);
    const own = describeStatus(step.Status) ?? stated.text;
    return { state: step.Name ?? state, ...(read ?? nothingRead), cause: read?.cause || oneLine(own) };
  }
  const reason = cluster.Status?.StateChangeReason;
  if (reason?.Code === "BOOTSTRAP_FAILURE") {
    const read = await readBootstrapLogs(s3, clusterLogs, wait);
    return { state, ...nothingRead, cause: oneLine(reason.Message ?? stated.text), ...read };
  }
  const died = ownReasons.includes(reason?.Code ?? "") ? undefined : reason?.Message;
  return { state, ...nothingRead, cause: oneLine(died ?? stated.text) };
};

/**
 * Finds the root cause of the first error: a function's own message, a failed step's line, a bootstrap action's.
 * Never throws: a diagnosis that fails must not stand between a failed run and its mail, so the cause is then the
 * first error's as it stands.
 */
export const diagnoseFailure = async (
  event: DiagnoseFailureEvent,
  config: DiagnoseFailureConfig,
  clients: DiagnoseClients,
  wait: Patience = patience,
): Promise<Diagnosis> => {
  try {
    return await investigate(event, config, clients, wait);
  } catch (error) {
    logger.error("The diagnosis failed", { error });
    return {
      cause: oneLine(`${statedCause(event).text} (the logs could not be read: ${describeError(error)})`),
      state: failedState(event),
      log: null,
      excerpt: [],
    };
  }
};

const clients: DiagnoseClients = { s3: new S3Client({}), emr: createEmrClient() };

export const handler = lambdaHandler(diagnoseFailureEvent, (event) =>
  diagnoseFailure(event, readConfig(settings), clients),
);
