import { z } from "zod";
import { createEmrClient } from "./aws/emr.ts";
import { executionSchema } from "./contract/execution.ts";
import { teardownSchema } from "./contract/failure.ts";
import { lambdaHandler } from "./runtime/handler.ts";
import { confirmTerminated } from "./teardown/confirm-termination.ts";

/** Follows a successful TerminateClusterAfterFailure, whose result lists the clusters. */
export const confirmTerminatedEventSchema = z.object({
  state: z.object({ teardown: teardownSchema }),
  execution: executionSchema,
});

const emr = createEmrClient();

export const handler = lambdaHandler(confirmTerminatedEventSchema, (event) => confirmTerminated(event, emr));
