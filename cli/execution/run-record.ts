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

/** Reads a run's plan.json and manifest.json. Files of an earlier version that lack a member count as missing. */
export async function readRunRecord(clients: Clients, bucket: string, runId: string): Promise<RunRecord> {
  const [plan, manifest] = await Promise.all(
    [planFile, manifestFile].map((file) => readJson(clients, bucket, runKey(runId, file))),
  );
  const { validation, cost } = manifestSchema.safeParse(manifest).data ?? {};
  return { plan: plannedSchema.safeParse(plan).data, validation, cost };
}
