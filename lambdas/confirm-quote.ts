import { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { executionSchema } from "./contract/execution.ts";
import { planSchema } from "./contract/plan.ts";
import { confirmQuote } from "./planning/confirm-quote.ts";
import { environmentSchema, readEnvironment } from "./runtime/environment.ts";
import { lambdaHandler } from "./runtime/handler.ts";

export const confirmQuoteEventSchema = z.object({ state: z.object({ plan: planSchema }), execution: executionSchema });

const settings = environmentSchema.pick({ AWS_REGION: true });
const s3 = new S3Client({});

export const handler = lambdaHandler(confirmQuoteEventSchema, ({ state: { plan } }) =>
  confirmQuote(plan, readEnvironment(settings), s3),
);
