import { Command } from "@commander-js/extra-typings";
import { z } from "zod";
import type { Clients } from "../clients.ts";
import { requireDeployment } from "../deploy.ts";
import { readJson } from "../results.ts";
import { type AliveCluster, describeRunning, findRunning, isIdle } from "../running.ts";
import { openTarget } from "../target.ts";

/** The part of a run's plan.json that prices its cluster. */
const planSchema = z.object({ estimate: z.object({ minutes: z.number().positive(), usd: z.number() }) });

export const status = new Command("status")
  .description("show the executions that run and the clusters that cost money now")
  .option("--json", "print one JSON object and nothing else", false)
  .action(async ({ json }) => {
    const target = await openTarget();
    const { bucket, stateMachineArn } = await requireDeployment(target);
    const running = await findRunning(target.clients, stateMachineArn);
    const clusters = await Promise.all(
      running.clusters.map(async (cluster) => ({
        ...cluster,
        usdPerHour: await usdPerHour(target.clients, bucket, cluster),
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

/** By the estimate of the run that created the cluster. */
const usdPerHour = async (clients: Clients, bucket: string, { runId }: AliveCluster): Promise<number | null> => {
  const plan = planSchema.safeParse(await readJson(clients, bucket, `runs/${runId}/plan.json`));
  return plan.success ? (plan.data.estimate.usd * 60) / plan.data.estimate.minutes : null;
};
