// Chooses the objects to delete of each part of the data bucket.
import { z } from "zod";
import {
  artifactsPrefix,
  emrLogsPrefix,
  featuresStorePrefix,
  latestRunKey,
  logsPrefix,
  runsPrefix,
  runUri,
  sparkEventsKey,
} from "../../lambdas/contract/s3-layout.ts";
import type { Clients } from "../account/aws-clients.ts";
import type { DeployedStack } from "../deployment/deployed-stacks.ts";
import { readJson } from "../execution/download-run.ts";
import { UsageError } from "../terminal/command-errors.ts";
import type { Activity } from "./activity.ts";
import { listStored, type StoredObject } from "./stored-objects.ts";

export const bucketParts = ["outputs", "logs", "store", "inputs"] as const;
export type BucketPart = (typeof bucketParts)[number];

/** The objects to delete of one part. */
export interface BucketChoice {
  readonly part: BucketPart;
  readonly prefixes: readonly string[];
  readonly objects: readonly StoredObject[];
  /** Ids of the runs whose folders are deleted; empty for other parts. */
  readonly runs: readonly string[];
  /** Says what stays because it is in use. */
  readonly kept: readonly string[];
}

interface Scope {
  readonly clients: Clients;
  readonly deployment: DeployedStack;
  readonly activity: Activity;
  /** Only what was written before; everything by default. */
  readonly before: Date | undefined;
}

/** The two entries below the runs' prefix that are not runs: a folder and a file. */
const indexName = "index";
const latestName = runIdOf(latestRunKey);
const latestSchema = z.object({ runId: z.string() });

const ownPrefixes = [artifactsPrefix, runsPrefix, featuresStorePrefix, logsPrefix, sparkEventsKey];

/**
 * Chooses the objects of a part that were written before a time and that nothing needs.
 *
 * @throws UsageError when a running execution may need any of them
 */
export async function chooseObjects(part: BucketPart, scope: Scope): Promise<BucketChoice> {
  requireUnused(part, scope.activity);
  const choose = { outputs: chooseOutputs, logs: chooseLogs, store: chooseStore, inputs: chooseInputs }[part];
  return choose(scope);
}

/** Refuses a part that running executions may need. They read images and stored features until they end. */
function requireUnused(part: BucketPart, { runs, undecided }: Activity): void {
  const users = part === "store" || part === "inputs" ? runs : part === "outputs" ? undecided : [];
  if (users.length === 0) return;
  const names = { outputs: "results of earlier runs", store: "store", inputs: "images", logs: "logs" };
  throw new UsageError(
    `${users.join(", ")} may use the ${names[part]}, so nothing was deleted. Wait for the end (orchard watch), or stop it (orchard stop).`,
  );
}

/** Lists the objects under prefixes. Images that lie there, by the knob inputPrefix, belong to another part. */
async function list({ clients, deployment }: Scope, prefixes: readonly string[]): Promise<readonly StoredObject[]> {
  const { bucket, inputPrefix } = deployment;
  const lists = await Promise.all(prefixes.map((key) => listStored(clients.s3, { bucket, key })));
  return lists.flat().filter(({ key }) => !key.startsWith(inputPrefix));
}

function isOlder({ before }: Scope, { modifiedAt }: StoredObject): boolean {
  return before === undefined || modifiedAt < before;
}

/** The first name below the runs' prefix: the id of a run, or one of the two other entries. */
function runIdOf(key: string): string {
  return key.slice(runsPrefix.length).split("/")[0] ?? "";
}

/** Chooses whole runs. An entry of the index may go at any time, and latest.json goes with the run that it names. */
async function chooseOutputs(scope: Scope): Promise<BucketChoice> {
  const { clients, deployment, activity } = scope;
  const prefixes = [runsPrefix];
  const groups = Map.groupBy(await list(scope, prefixes), ({ key }) => runIdOf(key));
  const latest = groups.get(latestName) ?? [];
  groups.delete(latestName);
  const objects = (groups.get(indexName) ?? []).filter((object) => isOlder(scope, object));
  groups.delete(indexName);
  const runs: string[] = [];
  const kept: string[] = [];
  for (const [runId, group] of groups) {
    const folder = runUri(deployment.bucket, runId);
    if (activity.folders.some((uri) => uri.startsWith(folder))) kept.push(`run ${runId}, which a running one needs`);
    else if (group.every((object) => isOlder(scope, object))) {
      objects.push(...group);
      runs.push(runId);
    }
  }
  const { data } = latestSchema.safeParse(await readJson(clients, deployment.bucket, latestRunKey));
  if (data && (runs.includes(data.runId) || !groups.has(data.runId))) objects.push(...latest);
  return { part: "outputs", prefixes, objects, runs, kept };
}

/** Chooses the logs of whole clusters and applications. EMR still writes those of a cluster that is alive. */
async function chooseLogs(scope: Scope): Promise<BucketChoice> {
  const { clusters, since } = scope.activity;
  const prefixes = [logsPrefix, sparkEventsKey];
  // Spark demands that the folder itself exists.
  const all = (await list(scope, prefixes)).filter(({ key }) => key !== sparkEventsKey);
  const objects: StoredObject[] = [];
  const kept = clusters.map(({ id }) => `logs of cluster ${id}, which is alive`);
  for (const [log, group] of Map.groupBy(all, ({ key }) => logOf(key))) {
    if (clusters.some(({ id }) => log === `${emrLogsPrefix}${id}`)) continue;
    const isInUse = group.some(({ modifiedAt }) => since !== undefined && modifiedAt >= since);
    if (!isInUse && group.every((object) => isOlder(scope, object))) objects.push(...group);
  }
  if (since !== undefined) kept.push("logs since the start of the oldest running execution");
  return { part: "logs", prefixes, objects, runs: [], kept };
}

/** The folder of a cluster, or of an application's events. */
function logOf(key: string): string {
  return key.split("/", key.startsWith(emrLogsPrefix) ? 3 : 2).join("/");
}

async function chooseStore(scope: Scope): Promise<BucketChoice> {
  const prefixes = [featuresStorePrefix];
  const objects = (await list(scope, prefixes)).filter((object) => isOlder(scope, object));
  return { part: "store", prefixes, objects, runs: [], kept: [] };
}

async function chooseInputs(scope: Scope): Promise<BucketChoice> {
  const { clients, deployment } = scope;
  const { bucket, inputPrefix: key } = deployment;
  const objects = (await listStored(clients.s3, { bucket, key })).filter(
    (object) => isOlder(scope, object) && !ownPrefixes.some((prefix) => object.key.startsWith(prefix)),
  );
  return { part: "inputs", prefixes: [key], objects, runs: [], kept: [] };
}
