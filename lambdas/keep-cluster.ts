import { z } from "zod";
import { createEmrClient } from "./aws/emr.ts";
import { executionSchema } from "./contract/execution.ts";
import { planSchema } from "./contract/plan.ts";
import { lambdaHandler } from "./runtime/handler.ts";
import { keepCluster } from "./teardown/keep-until.ts";

export const keepClusterEventSchema = z.object({
  state: z.object({ plan: planSchema, cluster: z.object({ id: z.string() }) }),
  execution: executionSchema,
});

const emr = createEmrClient();

export const handler = lambdaHandler(keepClusterEventSchema, (event) => keepCluster(event, emr));
