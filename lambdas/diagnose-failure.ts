import { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { createEmrClient } from "./aws/emr.ts";
import { executionSchema } from "./contract/execution.ts";
import { partialStateSchema } from "./contract/state-data.ts";
import { type DiagnoseClients, diagnoseFailure } from "./diagnosis/diagnose.ts";
import { environmentSchema, readEnvironment } from "./runtime/environment.ts";
import { lambdaHandler } from "./runtime/handler.ts";

export const diagnoseFailureEventSchema = z.object({ state: partialStateSchema, execution: executionSchema });

const settings = environmentSchema.pick({ DATA_BUCKET: true });
const clients: DiagnoseClients = { s3: new S3Client({}), emr: createEmrClient() };

export const handler = lambdaHandler(diagnoseFailureEventSchema, (event) =>
  diagnoseFailure(event, readEnvironment(settings), clients),
);
