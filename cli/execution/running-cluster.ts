import { EMRServiceException } from "@aws-sdk/client-emr";
import type { z } from "zod";
import { stateOf } from "../../lambdas/aws/cluster-states.ts";
import { describeCluster } from "../../lambdas/aws/emr.ts";
import { listSteps, runOf } from "../../lambdas/aws/steps.ts";
import { isEmbedded } from "../../lambdas/contract/arns.ts";
import { planSchema } from "../../lambdas/contract/plan.ts";
import { planFile } from "../../lambdas/contract/s3-layout.ts";
import { usdForMinutes } from "../../lambdas/planning/hourly-price.ts";
import type { Clients } from "../account/aws-clients.ts";
import type { Run } from "./find-run.ts";
import { isConnectionLost } from "./lost-connection.ts";
import { readRunFile } from "./run-record.ts";
import { findCluster } from "./watch-execution.ts";

/** EMR's API has a low rate limit for the whole account. */
const readEveryMs = 10_000;

const pricedPlanSchema = planSchema.pick({ cluster: true, borrowed: true });
type PricedPlan = z.output<typeof pricedPlanSchema>;

export type StartedRun = Pick<Run, "runId" | "arn" | "startedAt">;

/** Follows the cluster of a run that is running. */
export class RunningCluster {
  readonly #clients: Clients;
  readonly #bucket: string;
  readonly #run: StartedRun;
  #plan: PricedPlan | undefined;
  #id: string | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #parts: readonly string[] = [];

  constructor(clients: Clients, bucket: string, run: StartedRun) {
    this.#clients = clients;
    this.#bucket = bucket;
    this.#run = run;
  }

  /** The cluster's state, its step's state and the cost so far, at most 10 s old; empty before there is a cluster. */
  async describe(now = new Date()): Promise<readonly string[]> {
    if (now.getTime() - this.#readAt < readEveryMs) return this.#parts;
    try {
      this.#parts = await this.#read(now);
    } catch (error) {
      if (isConnectionLost(error) || !(error instanceof EMRServiceException)) throw error;
      // Go on without EMR, which this person may not be allowed to read: the states and the progress are still useful.
      this.#parts = [`cluster unknown (${error.name})`];
    }
    this.#readAt = now.getTime();
    return this.#parts;
  }

  async #read(now: Date): Promise<readonly string[]> {
    const { emr } = this.#clients;
    const { runId, startedAt } = this.#run;
    const file = { file: planFile, schema: pricedPlanSchema };
    this.#plan ??= await readRunFile(this.#clients, this.#bucket, runId, file);
    if (!this.#plan) return [];
    this.#id ??= this.#plan.borrowed?.clusterId ?? (await findCluster(this.#clients, this.#run))?.id;
    if (this.#id === undefined) return [];
    const [cluster, steps] = await Promise.all([describeCluster(emr, this.#id), listSteps(emr, this.#id)]);
    const step = steps.find((each) => runOf(each) === runId);
    const { CreationDateTime: createdAt, EndDateTime: endedAt } = cluster.Status?.Timeline ?? {};
    // A kept cluster is older than the run that uses it.
    const since = Math.max(startedAt.getTime(), createdAt?.getTime() ?? 0);
    const minutes = Math.max(0, (endedAt ?? now).getTime() - since) / 60_000;
    return [
      `cluster ${this.#id} ${stateOf(cluster)}`,
      ...(step ? [`step ${step.Name} ${step.Status?.State}`] : []),
      // On this machine, nothing is spent.
      ...(isEmbedded(this.#run.arn)
        ? []
        : [`about ${usdForMinutes(this.#plan.cluster, minutes).toFixed(2)} USD so far`]),
    ];
  }
}
