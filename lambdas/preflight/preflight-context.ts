import type { EC2Client } from "@aws-sdk/client-ec2";
import type { EMRClient } from "@aws-sdk/client-emr";
import type { IAMClient } from "@aws-sdk/client-iam";
import type { S3Client } from "@aws-sdk/client-s3";
import type { ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import type { SFNClient } from "@aws-sdk/client-sfn";
import type { SNSClient } from "@aws-sdk/client-sns";
import type { STSClient } from "@aws-sdk/client-sts";
import { type Environment, environmentSchema } from "../runtime/environment.ts";

/** The deployed stack's configuration, from Preflight's environment variables. */
export type PreflightConfig = Omit<Environment, "LAMBDA_TASK_ROOT" | "STACK_NAME" | "MAX_CLUSTER_HOURS">;

/** The variables of the configuration. */
export const preflightSettingsSchema = environmentSchema.omit({
  LAMBDA_TASK_ROOT: true,
  STACK_NAME: true,
  MAX_CLUSTER_HOURS: true,
});

export interface PreflightClients {
  readonly s3: S3Client;
  readonly sts: STSClient;
  readonly iam: IAMClient;
  readonly ec2: EC2Client;
  readonly sns: SNSClient;
  readonly quotas: ServiceQuotasClient;
  /** EMR and Step Functions are only called when the execution input names a kept cluster. */
  readonly emr: EMRClient;
  readonly sfn: SFNClient;
}
