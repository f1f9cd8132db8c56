import { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { uploadScripts } from "./artifacts/publish-scripts.ts";
import { executionSchema } from "./contract/execution.ts";
import { planSchema } from "./contract/plan.ts";
import { environmentSchema, readEnvironment } from "./runtime/environment.ts";
import { lambdaHandler } from "./runtime/handler.ts";

export const uploadScriptsEventSchema = z.object({ state: z.object({ plan: planSchema }), execution: executionSchema });

const settings = environmentSchema.pick({
  AWS_REGION: true,
  DATA_BUCKET: true,
  MODEL_SHA256: true,
  MODEL_ASSET: true,
  WHEELHOUSE_SHA256: true,
  WHEELHOUSE_ASSET: true,
  BF16_WHEELHOUSE_SHA256: true,
  BF16_WHEELHOUSE_ASSET: true,
  LAMBDA_TASK_ROOT: true,
});
const s3 = new S3Client({});

export const handler = lambdaHandler(uploadScriptsEventSchema, (event) =>
  uploadScripts(event, readEnvironment(settings), s3),
);
