import { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { executionSchema } from "./contract/execution.ts";
import { planSchema } from "./contract/plan.ts";
import { validateResults } from "./results/validate-run.ts";
import { lambdaHandler } from "./runtime/handler.ts";

export const validateResultsEventSchema = z.object({
  state: z.object({ plan: planSchema }),
  execution: executionSchema,
});

const s3 = new S3Client({});

export const handler = lambdaHandler(validateResultsEventSchema, (event) => validateResults(event, s3));
