import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { isNamed } from "../../lambdas/aws/errors.ts";
import { parseS3Uri } from "../../lambdas/aws/s3.ts";
import type { Clients } from "../account/aws-clients.ts";
import { copyObjects } from "./copy-objects.ts";
import { findFailedStepLog, readLogText } from "./failure-log.ts";

async function getObject({ s3 }: Clients, bucket: string, key: string): Promise<Uint8Array> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return (await Body?.transformToByteArray()) ?? new Uint8Array();
}

/** Reads and parses a JSON object of the bucket; undefined when it does not exist. */
export async function readJson(clients: Clients, bucket: string, key: string): Promise<unknown> {
  try {
    return JSON.parse(Buffer.from(await getObject(clients, bucket, key)).toString("utf8"));
  } catch (error) {
    if (isNamed(error, "NoSuchKey")) return undefined;
    throw error;
  }
}

async function save(path: string, content: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

/**
 * Copies a run's folder (s3://bucket/runs/<runId>/) with its subfolders.
 *
 * @returns number of files
 */
export async function downloadRun({ s3 }: Clients, uri: string, folder: string): Promise<number> {
  return (await copyObjects(s3, parseS3Uri(uri), folder)).files;
}

export interface StepLog {
  /** s3:// URI of the log. */
  readonly uri: string;
  /** Path of the decompressed copy. */
  readonly path: string;
}

/** Copies the log of the cluster's failed step; undefined when no step failed or its log has not arrived yet. */
export async function downloadFailedStepLog(
  clients: Clients,
  bucket: string,
  clusterId: string,
  folder: string,
): Promise<StepLog | undefined> {
  const uri = await findFailedStepLog(clients, bucket, clusterId);
  const text = uri && (await readLogText(clients, uri));
  if (!text) return undefined;
  const path = join(folder, "stderr.log");
  await save(path, text);
  return { uri, path };
}
