import type { Cluster, EMRClient, StepSummary } from "@aws-sdk/client-emr";
import type { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { describeCluster, tagOf } from "../aws/emr.ts";
import { isNamed } from "../aws/errors.ts";
import { readJson } from "../aws/s3.ts";
import { listSteps } from "../aws/steps.ts";
import { type ClusterPlan, clusterPlanSchema } from "../contract/cluster-plan.ts";
import { planFile, runKey } from "../contract/s3-layout.ts";
import { runIdTag } from "../contract/tags.ts";

/** A kept cluster that the execution input names by its id. */
export interface FoundCluster {
  readonly cluster: Cluster;
  /** The latest steps, newest first. */
  readonly steps: readonly StepSummary[];
  /** From the plan.json of the run that created the cluster; undefined if no run in this bucket did. */
  readonly plan: ClusterPlan | undefined;
}

async function readCreatorsPlan(
  s3: S3Client,
  bucket: string,
  runId: string | undefined,
): Promise<ClusterPlan | undefined> {
  if (runId === undefined) return undefined;
  try {
    const plan = await readJson(s3, { bucket, key: runKey(runId, planFile) }, z.object({ cluster: clusterPlanSchema }));
    return plan.cluster;
  } catch (error) {
    // Probably another stack's cluster, which the checks refuse.
    if (isNamed(error, "NoSuchKey")) return undefined;
    throw error;
  }
}

/**
 * Describes the cluster that a run wants to reuse. Its shape comes from its creator's plan.json, because the planner
 * cannot read EMR's own description.
 *
 * @throws InvalidRequestException when there is no such cluster
 */
export async function findKeptCluster(
  { emr, s3 }: { readonly emr: EMRClient; readonly s3: S3Client },
  bucket: string,
  id: string,
): Promise<FoundCluster> {
  const cluster = await describeCluster(emr, id);
  const [steps, plan] = await Promise.all([listSteps(emr, id), readCreatorsPlan(s3, bucket, tagOf(cluster, runIdTag))]);
  return { cluster, steps, plan };
}
