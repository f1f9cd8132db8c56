import { DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { isNamed } from "../../lambdas/aws/errors.ts";
import { closedKey } from "../../lambdas/contract/s3-layout.ts";
import type { Clients } from "../account/aws-clients.ts";

/**
 * Stops new runs: Preflight refuses every execution from now on, whoever or whichever schedule starts it. An execution
 * that is past Preflight is listed as RUNNING.
 */
export async function closeDeployment({ s3 }: Clients, bucket: string): Promise<void> {
  await withBucket(s3.send(new PutObjectCommand({ Bucket: bucket, Key: closedKey, Body: "Closed by destroy.\n" })));
}

export async function openDeployment({ s3 }: Clients, bucket: string): Promise<void> {
  await withBucket(s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: closedKey })));
}

/** Without its bucket, Preflight refuses every run anyway, and there is nothing to open. */
async function withBucket(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!isNamed(error, "NoSuchBucket")) throw error;
  }
}
