import { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { createEmrClient } from "./aws/emr.ts";
import { executionSchema } from "./contract/execution.ts";
import { planSchema } from "./contract/plan.ts";
import { validationSchema } from "./contract/validation.ts";
import { recordCost } from "./planning/record-actual-cost.ts";
import { lambdaHandler } from "./runtime/handler.ts";

export const recordCostEventSchema = z.object({
  state: z.object({ plan: planSchema, validation: validationSchema, cluster: z.object({ id: z.string() }) }),
  execution: executionSchema,
});

const emr = createEmrClient();
const s3 = new S3Client({});

export const handler = lambdaHandler(recordCostEventSchema, (event) => recordCost(event, emr, s3));
