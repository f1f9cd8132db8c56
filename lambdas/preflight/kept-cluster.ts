import type { Cluster, EMRClient, StepSummary } from "@aws-sdk/client-emr";
import type { S3Client } from "@aws-sdk/client-s3";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { z } from "zod";
import { describeCluster, stateOf, tagOf } from "../aws/emr.ts";
import { isNamed } from "../aws/errors.ts";
import { getExecutionState } from "../aws/executions.ts";
import { readJson } from "../aws/s3.ts";
import { isActive, latestSteps, runOf } from "../aws/steps.ts";
import { type ClusterPlan, clusterPlanSchema } from "../contract/cluster-plan.ts";
import type { Execution } from "../contract/execution.ts";
import { executionTag, keepUntilTag, runIdTag, wheelhouseTag } from "../contract/tags.ts";
import { type CheckSpec, Finding } from "./checks.ts";

/** What is known of a cluster that the input names by its id. */
export interface FoundCluster {
  readonly cluster: Cluster;
  /** Its latest steps, the newest first. */
  readonly steps: readonly StepSummary[];
  /** As the run that created it had planned it; undefined: no run of this bucket did. */
  readonly plan: ClusterPlan | undefined;
}

const minuteMs = 60_000;
/** Between Preflight and the first step, and for a step that takes longer than quoted. */
const marginMinutes = 5;

async function plannedBy(s3: S3Client, bucket: string, runId: string | undefined): Promise<ClusterPlan | undefined> {
  if (runId === undefined) return undefined;
  try {
    const plan = await readJson(
      s3,
      { bucket, key: `runs/${runId}/plan.json` },
      z.object({ cluster: clusterPlanSchema }),
    );
    return plan.cluster;
  } catch (error) {
    // Another stack's cluster, as the checks will tell.
    if (isNamed(error, "NoSuchKey")) return undefined;
    throw error;
  }
}

/**
 * Looks at the cluster that a run wants to borrow. What it is, EMR tells in a form of its own; its creator's plan.json
 * says it as the planner does.
 *
 * @throws InvalidRequestException when there is no such cluster
 */
export async function findKeptCluster(
  { emr, s3 }: { readonly emr: EMRClient; readonly s3: S3Client },
  bucket: string,
  id: string,
): Promise<FoundCluster> {
  const cluster = await describeCluster(emr, id);
  const [steps, plan] = await Promise.all([latestSteps(emr, id), plannedBy(s3, bucket, tagOf(cluster, runIdTag))]);
  return { cluster, steps, plan };
}

function isThere(cluster: Cluster): boolean {
  return ["WAITING", "RUNNING"].includes(stateOf(cluster));
}

function checkTime(cluster: Cluster, minutes: number, now: Date): string {
  const until = tagOf(cluster, keepUntilTag);
  const leftMinutes = (Date.parse(until ?? "") - now.getTime()) / minuteMs;
  // A text that is no time is no deadline.
  if (Number.isNaN(leftMinutes)) throw new Finding(`${cluster.Id} is not kept`);
  const left = `${cluster.Id} ends at ${until}, in ${Math.max(0, leftMinutes).toFixed(0)} minutes`;
  if (minutes + marginMinutes > leftMinutes)
    throw new Finding(`${left}; the run is estimated at ${minutes}, and ${marginMinutes} are kept in reserve`);
  return left;
}

function checkEnvironment(cluster: Cluster, wanted: { wheelhouse: string; releaseLabel: string }): string {
  const wheelhouse = tagOf(cluster, wheelhouseTag);
  if (wheelhouse !== wanted.wheelhouse)
    throw new Finding(
      `${cluster.Id} was made with wheelhouse ${wheelhouse ?? "unknown"}, now it is ${wanted.wheelhouse}`,
    );
  if (cluster.ReleaseLabel !== wanted.releaseLabel)
    throw new Finding(`${cluster.Id} has ${cluster.ReleaseLabel}, now it is ${wanted.releaseLabel}`);
  return `${wanted.releaseLabel}, wheelhouse ${wheelhouse}`;
}

/** A cluster is in use between two steps of an execution, too: Step Functions notices a step's end minutes later. */
async function checkFree({ cluster, steps }: FoundCluster, sfn: SFNClient, executions: string): Promise<string> {
  const active = steps.find(isActive);
  if (active)
    throw new Finding(`Step ${active.Id} (${active.Name}) of ${runOf(active) ?? "nobody"} is on ${cluster.Id}`);
  const latest = steps.map(runOf).find((run) => run !== undefined);
  if (latest !== undefined && (await getExecutionState(sfn, `${executions}${latest}`)) === "RUNNING")
    throw new Finding(`Execution ${latest} runs on ${cluster.Id}`);
  return `nothing runs on ${cluster.Id}`;
}

interface KeptClusterContext {
  readonly id: string;
  readonly found: PromiseSettledResult<FoundCluster>;
  readonly execution: Execution;
  readonly sfn: SFNClient;
  /** What a cluster that is created now would have. */
  readonly environment: { readonly wheelhouse: string; readonly releaseLabel: string };
  /** Of the run on it, as quoted. */
  readonly minutes: number;
  readonly now: Date;
}

const newOne = "Leave cluster.id out: a cluster is created";

/** What Preflight asks about the cluster that the input names, before a run is let on it. */
export function keptClusterChecks(context: KeptClusterContext): readonly CheckSpec[] {
  const { id, found, execution, sfn, environment, minutes, now } = context;
  const exists: CheckSpec = {
    name: "kept-cluster",
    remedy: `${newOne}. Those that are there: aws emr list-clusters --active`,
    run: () => {
      if (found.status === "rejected") throw found.reason;
      const state = stateOf(found.value.cluster);
      if (!isThere(found.value.cluster)) throw new Finding(`${id} is ${state}`);
      return `${id} is ${state}`;
    },
  };
  // What is not there cannot be judged.
  if (found.status === "rejected" || !isThere(found.value.cluster)) return [exists];
  const { cluster, plan } = found.value;
  const executions = execution.id.slice(0, -execution.name.length);
  return [
    exists,
    {
      name: "kept-cluster-owner",
      remedy: "Name a cluster that an execution of this state machine kept: its mail has the id",
      run: () => {
        const owner = tagOf(cluster, executionTag);
        if (!owner?.startsWith(executions)) throw new Finding(`${id} belongs to ${owner ?? "no execution"}`);
        return owner;
      },
    },
    {
      name: "kept-cluster-time",
      remedy: `${newOne}; with keepMinutes it is kept. Or give a smaller limit`,
      run: () => checkTime(cluster, minutes, now),
    },
    {
      name: "kept-cluster-environment",
      remedy: `${newOne}, with what is deployed now. The old one: aws emr terminate-clusters --cluster-ids ${id}`,
      run: () => checkEnvironment(cluster, environment),
    },
    {
      name: "kept-cluster-plan",
      remedy: newOne,
      run: () => {
        if (plan === undefined) throw new Finding(`No run of this bucket says what ${id} is`);
        return plan.name;
      },
    },
    {
      name: "kept-cluster-free",
      remedy: `Wait until it is done, or: aws emr cancel-steps --cluster-id ${id} --step-ids <id>`,
      run: () => checkFree(found.value, sfn, executions),
    },
  ];
}
