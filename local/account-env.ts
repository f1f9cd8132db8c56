import { join } from "node:path";

/** Version 1 of the AWS CLI prefers its own EMR endpoints to AWS_ENDPOINT_URL in most regions, but not in this one. */
export const region = "eu-central-1";
export const credentials = { accessKeyId: "test", secretAccessKey: "test" };

/**
 * The files with the account's own AWS settings and profiles, which need not exist. The person's could lead a client to
 * another account: with `ignore_configured_endpoint_urls = true` it forgets AWS_ENDPOINT_URL.
 *
 * @param directory the folder of the account's state
 */
export function settingsFiles(directory: string) {
  return {
    AWS_CONFIG_FILE: join(directory, "aws", "config"),
    AWS_SHARED_CREDENTIALS_FILE: join(directory, "aws", "credentials"),
  };
}

/** Returns the environment variables that make the AWS CLI and the SDKs use the account at an endpoint. */
export function accountEnv(endpoint: string, directory: string): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    // Version 1 of the AWS CLI and boto3 read AWS_DEFAULT_REGION.
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    ...settingsFiles(directory),
  };
}
