import type { EMRClient } from "@aws-sdk/client-emr";
import type { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { describeCluster, listInstances } from "../aws/emr.ts";
import { parseS3Uri, readJson, writeJson } from "../aws/s3.ts";
import type { Cost } from "../contract/cost.ts";
import type { Execution } from "../contract/execution.ts";
import type { Plan } from "../contract/plan.ts";
import { manifestFile } from "../contract/s3-layout.ts";
import type { Validation } from "../contract/validation.ts";
import { trueCost } from "./true-cost.ts";

export interface RecordCostRequest {
  readonly state: {
    readonly plan: Plan;
    readonly validation: Validation;
    readonly cluster: { readonly id: string };
  };
  readonly execution: Execution;
}

/**
 * Computes the cluster's actual cost, or its cost so far if it is kept, and adds it to the run's manifest.json. Safe to
 * repeat.
 */
export async function recordCost(
  { state: { plan, validation, cluster }, execution }: RecordCostRequest,
  emr: EMRClient,
  s3: S3Client,
  now: Date = new Date(),
): Promise<Cost> {
  const described = await describeCluster(emr, cluster.id);
  const instances = await listInstances(emr, cluster.id);
  const start = new Date(execution.startTime);
  const cost = trueCost(plan, validation.computed ?? 0, described, instances, start, now);
  const manifest = parseS3Uri(`${plan.run}${manifestFile}`);
  await writeJson(s3, manifest, { ...(await readJson(s3, manifest, z.looseObject({}))), cost });
  return cost;
}
