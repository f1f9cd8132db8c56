import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { EMRClient } from "@aws-sdk/client-emr";
import { S3Client } from "@aws-sdk/client-s3";
import { SFNClient } from "@aws-sdk/client-sfn";
import { SNSClient } from "@aws-sdk/client-sns";

export interface Clients {
  readonly cloudFormation: CloudFormationClient;
  readonly emr: EMRClient;
  readonly s3: S3Client;
  readonly sfn: SFNClient;
  readonly sns: SNSClient;
}

/** Clients for the account that the environment variables name; only the endpoint tells the laptop's from another. */
export const createClients = (env: Readonly<Record<string, string>>): Clients => {
  const endpoint = env["AWS_ENDPOINT_URL"];
  const config = {
    region: env["AWS_REGION"] ?? "",
    ...(endpoint ? { endpoint } : {}),
    credentials: {
      accessKeyId: env["AWS_ACCESS_KEY_ID"] ?? "",
      secretAccessKey: env["AWS_SECRET_ACCESS_KEY"] ?? "",
    },
  };
  return {
    cloudFormation: new CloudFormationClient(config),
    emr: new EMRClient(config),
    s3: new S3Client({ ...config, forcePathStyle: endpoint !== undefined }),
    sfn: new SFNClient(config),
    sns: new SNSClient(config),
  };
};
