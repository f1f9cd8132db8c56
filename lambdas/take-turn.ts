import { z } from "zod";
import { createSfnClient } from "./aws/executions.ts";
import { overlaps } from "./contract/choices.ts";
import { executionSchema } from "./contract/execution.ts";
import { takeTurn } from "./planning/overlap.ts";
import { lambdaHandler } from "./runtime/handler.ts";

/** The only key read here. A malformed one counts as "allow", so that Preflight reports it. */
const overlapSchema = z.object({ overlap: z.enum(overlaps).catch("allow") });

export const takeTurnEventSchema = z.object({
  state: z.looseObject({ input: overlapSchema.catch({ overlap: "allow" }) }),
  execution: executionSchema,
});

const sfn = createSfnClient();

export const handler = lambdaHandler(takeTurnEventSchema, (event) => takeTurn(event, sfn));
