import { EC2Client } from "@aws-sdk/client-ec2";
import { IAMClient } from "@aws-sdk/client-iam";
import { S3Client } from "@aws-sdk/client-s3";
import { ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import { SNSClient } from "@aws-sdk/client-sns";
import { STSClient } from "@aws-sdk/client-sts";
import { z } from "zod";
import { createEmrClient } from "./aws/emr.ts";
import { createSfnClient } from "./aws/executions.ts";
import { executionSchema } from "./contract/execution.ts";
import { type PreflightClients, preflightSettingsSchema } from "./preflight/preflight-context.ts";
import { preflight } from "./preflight/run-preflight.ts";
import { readEnvironment } from "./runtime/environment.ts";
import { lambdaHandler } from "./runtime/handler.ts";

const preflightEventSchema = z.object({
  state: z.looseObject({ input: z.unknown().optional() }),
  execution: executionSchema,
});

const clients: PreflightClients = {
  s3: new S3Client({}),
  sts: new STSClient({}),
  iam: new IAMClient({}),
  ec2: new EC2Client({}),
  sns: new SNSClient({}),
  quotas: new ServiceQuotasClient({}),
  emr: createEmrClient(),
  sfn: createSfnClient(),
};

export const handler = lambdaHandler(preflightEventSchema, (event) =>
  preflight(event, readEnvironment(preflightSettingsSchema), clients),
);
