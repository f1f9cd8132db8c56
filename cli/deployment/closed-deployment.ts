import { DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { describeError, isNamed } from "../../lambdas/aws/errors.ts";
import { closedKey } from "../../lambdas/contract/s3-layout.ts";
import type { Clients } from "../account/aws-clients.ts";
import { CommandFailed } from "../terminal/command-errors.ts";

/**
 * Stops new runs: Preflight refuses every execution from now on, whether a person or a schedule starts it. An execution
 * that is past Preflight goes on, and is listed as RUNNING.
 *
 * @throws CommandFailed that says that nothing was changed
 */
export async function closeDeployment({ s3 }: Clients, bucket: string): Promise<void> {
  try {
    await withBucket(s3.send(new PutObjectCommand({ Bucket: bucket, Key: closedKey, Body: "No run can start.\n" })));
  } catch (error) {
    throw new CommandFailed(
      `New runs cannot be refused, so nothing was changed: s3://${bucket} cannot be written: ${describeError(error)}`,
      { cause: error },
    );
  }
}

/** @throws CommandFailed that says that no run can start */
export async function openDeployment({ s3 }: Clients, bucket: string): Promise<void> {
  try {
    await withBucket(s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: closedKey })));
  } catch (error) {
    throw new CommandFailed(
      `The deployment could not be opened (${describeError(error)}), so no run can start: orchard deploy opens it.`,
      { cause: error },
    );
  }
}

/**
 * Opens a deployment after an error, which the caller then throws.
 *
 * @returns a line for the error's message when the deployment could not be opened
 */
export async function reopenDeployment(clients: Clients, bucket: string): Promise<string> {
  try {
    await openDeployment(clients, bucket);
    return "";
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return `\n${error.message}`;
  }
}

/** Ignores a missing bucket: Preflight then refuses every run anyway, and there is nothing to open. */
async function withBucket(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!isNamed(error, "NoSuchBucket")) throw error;
  }
}
