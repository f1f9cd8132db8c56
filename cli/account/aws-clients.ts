import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { EMRClient } from "@aws-sdk/client-emr";
import { S3Client } from "@aws-sdk/client-s3";
import { SFNClient } from "@aws-sdk/client-sfn";
import { SNSClient } from "@aws-sdk/client-sns";
import { STSClient } from "@aws-sdk/client-sts";

/**
 * The time for a connection, and for the next byte of a request or an answer, in ms. An upload or a download may take
 * longer as a whole. Without these limits, the SDK waits without end for an endpoint that accepts and never answers.
 */
const timeouts = { connectionTimeout: 5_000, socketTimeout: 20_000 };

export interface Clients {
  readonly cloudFormation: CloudFormationClient;
  readonly emr: EMRClient;
  readonly s3: S3Client;
  readonly sfn: SFNClient;
  readonly sns: SNSClient;
  readonly sts: STSClient;
}

/**
 * The settings of a client for an account on AWS or on this machine.
 *
 * @param env the account's environment variables; without them, the SDK uses the same sources as the AWS CLI
 */
export function clientSettings(env: NodeJS.ProcessEnv = {}) {
  const endpoint = env["AWS_ENDPOINT_URL"];
  const accessKeyId = env["AWS_ACCESS_KEY_ID"];
  const region = env["AWS_REGION"] ?? process.env["AWS_REGION"] ?? process.env["AWS_DEFAULT_REGION"];
  return {
    requestHandler: timeouts,
    ...(region ? { region } : {}),
    // The SDK refuses a custom endpoint with FIPS or dual-stack endpoints, which the person may have set for AWS.
    ...(endpoint ? { endpoint, useFipsEndpoint: false, useDualstackEndpoint: false } : {}),
    ...(accessKeyId ? { credentials: { accessKeyId, secretAccessKey: env["AWS_SECRET_ACCESS_KEY"] ?? "" } } : {}),
  };
}

/**
 * Creates the clients for an account.
 *
 * @param env as for clientSettings
 * @param overrides further settings of all clients
 */
export function createClients(
  env: NodeJS.ProcessEnv = {},
  overrides: { readonly requestHandler?: { readonly socketTimeout: number }; readonly maxAttempts?: number } = {},
): Clients {
  const config = { ...clientSettings(env), ...overrides };
  const endpoint = env["AWS_ENDPOINT_URL"];
  // A custom endpoint has no host name per bucket.
  const forcePathStyle = (endpoint ?? process.env["AWS_ENDPOINT_URL"]) !== undefined;
  return {
    cloudFormation: new CloudFormationClient(config),
    // EMR's API has a low rate limit for the whole account, and destroy must not give up looking for clusters.
    emr: new EMRClient({ maxAttempts: 8, ...config }),
    s3: new S3Client({ ...config, forcePathStyle }),
    sfn: new SFNClient(config),
    sns: new SNSClient(config),
    // Every command asks STS first, so a shorter time here soon reveals an endpoint that never answers.
    sts: new STSClient({
      ...config,
      requestHandler: { ...timeouts, socketTimeout: 5_000, ...overrides.requestHandler },
    }),
  };
}
