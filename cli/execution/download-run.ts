import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { gunzipSync } from "node:zlib";
import { ListStepsCommand } from "@aws-sdk/client-emr";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import pMap from "p-map";
import type { Clients } from "../account/aws-clients.ts";
import { listObjects } from "../dataset/bucket-sync.ts";

const downloadsAtOnce = 16;

async function getObject({ s3 }: Clients, bucket: string, key: string): Promise<Uint8Array> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return (await Body?.transformToByteArray()) ?? new Uint8Array();
}

/** What a JSON object in the bucket holds; undefined when there is none. */
export async function readJson(clients: Clients, bucket: string, key: string): Promise<unknown> {
  try {
    return JSON.parse(Buffer.from(await getObject(clients, bucket, key)).toString("utf8"));
  } catch (error) {
    if (error instanceof Error && error.name === "NoSuchKey") return undefined;
    throw error;
  }
}

async function save(path: string, content: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

/** Copies the folder of a run (s3://bucket/runs/<runId>/), with its layout. Returns the number of files. */
export async function downloadRun(clients: Clients, uri: string, folder: string): Promise<number> {
  const [bucket = "", ...path] = uri.slice("s3://".length).split("/");
  const prefix = path.join("/");
  const files = (await listObjects(clients.s3, bucket, prefix)).filter(({ key }) => key !== "" && !key.endsWith("/"));
  await pMap(
    files,
    async ({ key }) => {
      const path = resolve(folder, key);
      if (!path.startsWith(resolve(folder) + sep)) throw new Error(`The key ${prefix}${key} leads out of ${folder}`);
      await save(path, await getObject(clients, bucket, prefix + key));
    },
    { concurrency: downloadsAtOnce },
  );
  return files.length;
}

export interface StepLog {
  /** Where it is in the bucket. */
  readonly uri: string;
  /** The copy, unpacked. */
  readonly path: string;
}

/** Copies the log of the cluster's failed step, if a step failed and its log has arrived. */
export async function downloadFailedStepLog(
  clients: Clients,
  bucket: string,
  clusterId: string,
  folder: string,
): Promise<StepLog | undefined> {
  const { Steps = [] } = await clients.emr.send(new ListStepsCommand({ ClusterId: clusterId, StepStates: ["FAILED"] }));
  const stepId = Steps[0]?.Id;
  if (stepId === undefined) return undefined;
  const prefix = `logs/emr/${clusterId}/steps/${stepId}/`;
  const log = (await listObjects(clients.s3, bucket, prefix)).find(({ key }) => key === "stderr.gz");
  if (!log) return undefined;
  const path = join(folder, "stderr.log");
  await save(path, gunzipSync(await getObject(clients, bucket, prefix + log.key)));
  return { uri: `s3://${bucket}/${prefix}${log.key}`, path };
}
