import { Command } from "@commander-js/extra-typings";
import { z } from "zod";
import { clusterPlanSchema } from "../../lambdas/contract/cluster-plan.ts";
import { planFile, runKey } from "../../lambdas/contract/s3-layout.ts";
import { usdPerHour } from "../../lambdas/planning/hourly-price.ts";
import type { Clients } from "../account/aws-clients.ts";
import { openTarget } from "../account/deployment-target.ts";
import { readDeployment, requireDeployment } from "../deployment/deployed-stacks.ts";
import type { AliveCluster } from "../execution/alive-clusters.ts";
import { readJson } from "../execution/download-run.ts";
import { describeRunning, findRunning, isIdle } from "../execution/running-work.ts";
import { groups } from "../terminal/command-groups.ts";

/** The part of plan.json that determines the cluster's price. */
const pricedPlanSchema = z.object({ cluster: clusterPlanSchema });

export const command = new Command("status")
  .helpGroup(groups.look)
  .summary("show what runs now, and what it costs an hour")
  .description("show the executions that run and the clusters that cost money now")
  .option("--json", "print one JSON object and nothing else", false)
  .action(async ({ json }) => {
    const target = await openTarget();
    const deployment = await readDeployment(target.clients);
    const running = await findRunning(target.clients, deployment?.stateMachineArn);
    // Without a deployment, a cluster that nothing would end is shown all the same.
    if (isIdle(running)) await requireDeployment(target);
    const clusters = await Promise.all(
      running.clusters.map(async (cluster) => ({
        ...cluster,
        usdPerHour: await hourlyPrice(target.clients, deployment?.bucket, cluster),
      })),
    );
    if (json) return void process.stdout.write(`${JSON.stringify({ executions: running.executions, clusters })}\n`);
    const prices = clusters.map(
      ({ id, usdPerHour }) => `cluster ${id} costs ${usdPerHour?.toFixed(2) ?? "?"} USD an hour`,
    );
    const lines = isIdle(running)
      ? ["Nothing runs, and no cluster is alive."]
      : [...describeRunning(running), ...prices];
    process.stdout.write(`${lines.join("\n")}\n`);
  });

/** Price of the cluster in USD per hour, from the plan of the run that created it; null when there is no plan. */
async function hourlyPrice(
  clients: Clients,
  bucket: string | undefined,
  { runId }: AliveCluster,
): Promise<number | null> {
  if (bucket === undefined || runId === "") return null;
  const plan = pricedPlanSchema.safeParse(await readJson(clients, bucket, runKey(runId, planFile)));
  return plan.success ? usdPerHour(plan.data.cluster) : null;
}
