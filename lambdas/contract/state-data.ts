import { z } from "zod";
import { keptClusterSchema } from "./cluster-plan.ts";
import { costSchema } from "./cost.ts";
import { diagnosisSchema, failureSchema, teardownSchema } from "./failure.ts";
import { planSchema } from "./plan.ts";
import { validationSchema } from "./validation.ts";

/** The page that WriteReport wrote about the run. */
export const writtenReportSchema = z.object({
  /** s3:// URI. */
  uri: z.string(),
  bytes: z.int().positive(),
});
export type WrittenReport = Readonly<z.output<typeof writtenReportSchema>>;

/**
 * The state data on the failure path, where any member may be absent. A malformed member counts as absent, because a
 * teardown that rejects its event would leave a cluster running.
 */
export const partialStateSchema = z.looseObject({
  input: z.unknown().optional(),
  plan: planSchema.optional().catch(undefined),
  scripts: z.unknown().optional(),
  cluster: z.object({ id: z.string() }).optional().catch(undefined),
  validation: validationSchema.optional().catch(undefined),
  cost: costSchema.optional().catch(undefined),
  report: writtenReportSchema.optional().catch(undefined),
  reportError: failureSchema.optional().catch(undefined),
  kept: keptClusterSchema.optional().catch(undefined),
  error: failureSchema.optional().catch(undefined),
  teardown: teardownSchema.optional().catch(undefined),
  teardownError: failureSchema.optional().catch(undefined),
  diagnosis: diagnosisSchema.optional().catch(undefined),
});
export type PartialState = Readonly<z.output<typeof partialStateSchema>>;
