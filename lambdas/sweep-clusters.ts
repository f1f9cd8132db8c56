import { z } from "zod";
import { createEmrClient } from "./aws/emr.ts";
import { createSfnClient } from "./aws/executions.ts";
import { environmentSchema, readEnvironment } from "./runtime/environment.ts";
import { lambdaHandler } from "./runtime/handler.ts";
import { type SweepClients, sweepClusters } from "./teardown/sweep.ts";

/** The schedule's event carries nothing that the sweep needs. */
export const sweepClustersEventSchema = z.object({});

const settings = environmentSchema.pick({ STACK_NAME: true, MAX_CLUSTER_HOURS: true });
const clients: SweepClients = { emr: createEmrClient(), sfn: createSfnClient() };

export const handler = lambdaHandler(sweepClustersEventSchema, () => sweepClusters(readEnvironment(settings), clients));
