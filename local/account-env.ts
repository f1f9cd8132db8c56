import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import { accountKeys } from "./support/key-pair.ts";

/** Version 1 of the AWS CLI prefers its own EMR endpoints to AWS_ENDPOINT_URL in most regions, but not in this one. */
export const region = "eu-central-1";

/**
 * The files with the account's own AWS settings and profiles. Those of the person could lead a client to another
 * account: `ignore_configured_endpoint_urls = true` makes it ignore AWS_ENDPOINT_URL.
 *
 * @param directory the folder of the account's state
 */
export function settingsFiles(directory: string) {
  return {
    AWS_CONFIG_FILE: join(directory, "aws", "config"),
    AWS_SHARED_CREDENTIALS_FILE: join(directory, "aws", "credentials"),
  };
}

/** Creates the missing files empty. S3A's SDK logs a stack trace, which looks like a step's error, for a missing one. */
export function createSettingsFiles(directory: string): void {
  for (const file of Object.values(settingsFiles(directory))) {
    mkdirSync(dirname(file), { recursive: true });
    closeSync(openSync(file, "a", 0o600));
  }
}

/**
 * Returns the environment variables that make the AWS CLI and the SDKs use the account at an endpoint.
 *
 * @param directory the folder of the account's state, which has its credentials
 */
export function accountEnv(endpoint: string, directory: string): Readonly<Record<string, string>> {
  const keys = accountKeys(directory);
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    // Version 1 of the AWS CLI and boto3 read AWS_DEFAULT_REGION.
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    ...settingsFiles(directory),
  };
}
