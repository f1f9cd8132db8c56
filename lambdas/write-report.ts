import { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { createEmrClient } from "./aws/emr.ts";
import { createSfnClient } from "./aws/executions.ts";
import { costSchema } from "./contract/cost.ts";
import { executionSchema } from "./contract/execution.ts";
import { failureSchema } from "./contract/failure.ts";
import { planSchema } from "./contract/plan.ts";
import { validationSchema } from "./contract/validation.ts";
import { writeReport } from "./report/write-report.ts";
import { environmentSchema, readEnvironment } from "./runtime/environment.ts";
import { lambdaHandler } from "./runtime/handler.ts";

export const writeReportEventSchema = z.object({
  state: z.object({
    plan: planSchema,
    validation: validationSchema,
    input: z.record(z.string(), z.unknown()),
    cluster: z.object({ id: z.string() }),
    cost: costSchema.optional(),
    costError: failureSchema.optional(),
  }),
  execution: executionSchema,
});

const settings = environmentSchema.pick({ LAMBDA_TASK_ROOT: true });
const clients = { s3: new S3Client({}), emr: createEmrClient(), sfn: createSfnClient() };

export const handler = lambdaHandler(writeReportEventSchema, (event) =>
  writeReport(event, readEnvironment(settings), clients),
);
