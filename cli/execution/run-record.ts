import { z } from "zod";
import { costSchema } from "../../lambdas/contract/cost.ts";
import { planSchema } from "../../lambdas/contract/plan.ts";
import { manifestFile, planFile, runKey } from "../../lambdas/contract/s3-layout.ts";
import { validationSchema } from "../../lambdas/contract/validation.ts";
import type { Clients } from "../account/aws-clients.ts";
import { readJson } from "./download-run.ts";

/** Holds the files that a run has written to S3. A part is undefined if the run has not reached the state that writes it. */
export interface RunRecord {
  readonly plan: z.output<typeof plannedSchema> | undefined;
  readonly validation: z.output<typeof validationSchema> | undefined;
  readonly cost: z.output<typeof costSchema> | undefined;
}

/** The part of plan.json that does not change between versions of the workflow. */
const plannedSchema = planSchema.pick({ mode: true, counts: true, estimate: true, cluster: true, warnings: true });
const manifestSchema = z.object({ validation: validationSchema, cost: costSchema.optional() });

/** Reads a JSON file of a run; undefined when it is missing, or is of an earlier version and lacks a member. */
export async function readRunFile<T>(
  clients: Clients,
  bucket: string,
  runId: string,
  { file, schema }: { readonly file: string; readonly schema: z.ZodType<T> },
): Promise<T | undefined> {
  return schema.safeParse(await readJson(clients, bucket, runKey(runId, file))).data;
}

/** Reads a run's plan.json and manifest.json. */
export async function readRunRecord(clients: Clients, bucket: string, runId: string): Promise<RunRecord> {
  const [plan, manifest] = await Promise.all([
    readRunFile(clients, bucket, runId, { file: planFile, schema: plannedSchema }),
    readRunFile(clients, bucket, runId, { file: manifestFile, schema: manifestSchema }),
  ]);
  return { plan, validation: manifest?.validation, cost: manifest?.cost };
}
