import { S3Client } from "@aws-sdk/client-s3";
import { SNSClient } from "@aws-sdk/client-sns";
import { z } from "zod";
import { executionSchema } from "./contract/execution.ts";
import { partialStateSchema } from "./contract/state-data.ts";
import { notifyFinished } from "./mail/finished-execution.ts";
import { environmentSchema, readEnvironment } from "./runtime/environment.ts";
import { lambdaHandler } from "./runtime/handler.ts";

export const notifyEventSchema = z.object({ state: partialStateSchema, execution: executionSchema });

const settings = environmentSchema.pick({ TOPIC_ARN: true });
const clients = { sns: new SNSClient({}), s3: new S3Client({}) };

export const handler = lambdaHandler(notifyEventSchema, (event) =>
  notifyFinished(event, readEnvironment(settings), clients),
);
