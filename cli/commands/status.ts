import { Command } from "@commander-js/extra-typings";
import { z } from "zod";
import { listInstances } from "../../lambdas/aws/emr.ts";
import { clusterPlanSchema } from "../../lambdas/contract/cluster-plan.ts";
import { planFile } from "../../lambdas/contract/s3-layout.ts";
import { usdPerHour } from "../../lambdas/planning/hourly-price.ts";
import type { Clients } from "../account/aws-clients.ts";
import { addTargetOptions, openChosenTarget } from "../account/target-options.ts";
import { readDeployment, requireDeployment } from "../deployment/deployed-stacks.ts";
import type { AliveCluster } from "../execution/alive-clusters.ts";
import { readRunFile } from "../execution/run-record.ts";
import { findRunning, isIdle, type RunningExecution } from "../execution/running-work.ts";
import { groups } from "../terminal/command-groups.ts";
import { formatLocalTime } from "../terminal/format-duration.ts";
import { headerRow, renderColumns } from "../terminal/tables.ts";

/** The part of plan.json that determines the cluster's price. */
const pricedPlanSchema = z.object({ cluster: clusterPlanSchema });

export const command = addTargetOptions(
  new Command("status")
    .helpGroup(groups.look)
    .summary("show what runs now, and what it costs an hour")
    .description(
      "show the executions that run, and the clusters that cost money now: exit code 0 only when there are none",
    )
    .option("--json", "print one JSON object and nothing else", false)
    .addHelpText("after", "\nExample:\n  orchard status && echo nothing costs money"),
).action(async ({ json, ...chosen }) => {
  const target = await openChosenTarget(chosen);
  const deployment = await readDeployment(target.clients);
  const running = await findRunning(target.clients, deployment?.stateMachineArn);
  // Clusters may be left without a deployment, and then nothing would end them, so show them all the same.
  if (isIdle(running)) await requireDeployment(target);
  else process.exitCode = 1;
  const clusters = await Promise.all(
    running.clusters.map((cluster) => describeCosts(target.clients, deployment?.bucket, cluster)),
  );
  const { executions } = running;
  process.stdout.write(json ? `${JSON.stringify({ executions, clusters })}\n` : `${render(executions, clusters)}\n`);
});

/** A cluster that costs money now; the names are those of --json. */
interface CostlyCluster extends AliveCluster {
  readonly instances: readonly InstanceCount[];
  /** Null when no plan of the cluster is left. */
  readonly usdPerHour: number | null;
}

/** The instances of one type and market. */
interface InstanceCount {
  readonly type: string;
  readonly market: string;
  readonly count: number;
}

async function describeCosts(
  clients: Clients,
  bucket: string | undefined,
  cluster: AliveCluster,
): Promise<CostlyCluster> {
  const [instances, price] = await Promise.all([
    countInstances(clients, cluster),
    hourlyPrice(clients, bucket, cluster),
  ]);
  return { ...cluster, instances, usdPerHour: price };
}

async function countInstances({ emr }: Clients, { id }: AliveCluster): Promise<readonly InstanceCount[]> {
  const counts = new Map<string, InstanceCount>();
  for (const { InstanceType: type = "?", Market: market = "?", Status } of await listInstances(emr, id)) {
    if (Status?.State === "TERMINATED") continue;
    const key = `${type} ${market}`;
    counts.set(key, { type, market, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()];
}

/** Price of the cluster in USD per hour, from the plan of the run that created it; null when there is no plan. */
async function hourlyPrice(
  clients: Clients,
  bucket: string | undefined,
  { runId }: AliveCluster,
): Promise<number | null> {
  if (bucket === undefined || runId === "") return null;
  const plan = await readRunFile(clients, bucket, runId, { file: planFile, schema: pricedPlanSchema });
  return plan ? usdPerHour(plan.cluster) : null;
}

function render(executions: readonly RunningExecution[], clusters: readonly CostlyCluster[]): string {
  if (executions.length + clusters.length === 0) return "Nothing runs, and no cluster is alive.";
  const tables: string[] = [];
  if (executions.length > 0) {
    const rows = executions.map(({ name, startedAt }) => [name, timeOf(startedAt)]);
    tables.push(renderColumns([headerRow("RUNNING", "SINCE"), ...rows]));
  }
  if (clusters.length > 0) {
    const rows = clusters.map(({ id, state, instances, usdPerHour: usd, until, name }) => [
      id,
      state,
      instances.map(({ type, market, count }) => `${count} ${type} ${market}`).join(", "),
      usd?.toFixed(2) ?? "?",
      timeOf(until),
      name,
    ]);
    tables.push(
      renderColumns([headerRow("CLUSTER", "STATE", "INSTANCES", "USD/HOUR", "AT MOST UNTIL", "NAME"), ...rows]),
    );
  }
  return tables.join("\n\n");
}

function timeOf(time: Date | undefined): string {
  return time ? formatLocalTime(time) : "?";
}
