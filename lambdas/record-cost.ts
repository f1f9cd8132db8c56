import type { EMRClient } from "@aws-sdk/client-emr";
import { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { createEmrClient, describeCluster, listInstances } from "./aws/emr.ts";
import { parseS3Uri, readJson, writeJson } from "./aws/s3.ts";
import type { Cost } from "./contract/cost.ts";
import { executionSchema } from "./contract/execution.ts";
import { planSchema } from "./contract/plan.ts";
import { validationSchema } from "./contract/validation.ts";
import { trueCost } from "./planning/true-cost.ts";
import { lambdaHandler } from "./runtime/handler.ts";

export const recordCostEventSchema = z.object({
  state: z.object({ plan: planSchema, validation: validationSchema, cluster: z.object({ id: z.string() }) }),
  execution: executionSchema,
});
export type RecordCostEvent = z.output<typeof recordCostEventSchema>;

/**
 * Works out what the cluster has cost, so far when it is kept, and puts it beside the quote into the run's
 * manifest.json. Repeatable.
 */
export async function recordCost(
  { state, execution }: RecordCostEvent,
  emr: EMRClient,
  s3: S3Client,
  now: Date = new Date(),
): Promise<Cost> {
  const { id } = state.cluster;
  const cluster = await describeCluster(emr, id);
  const instances = await listInstances(emr, id);
  const cost = trueCost(
    state.plan,
    state.validation.computed ?? 0,
    cluster,
    instances,
    new Date(execution.startTime),
    now,
  );
  const { bucket, key } = parseS3Uri(state.plan.run);
  const location = { bucket, key: `${key}manifest.json` };
  await writeJson(s3, location, { ...(await readJson(s3, location, z.looseObject({}))), cost });
  return cost;
}

const emr = createEmrClient();
const s3 = new S3Client({});

export const handler = lambdaHandler(recordCostEventSchema, (event) => recordCost(event, emr, s3));
