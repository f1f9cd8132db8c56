import type { Cluster, Instance } from "@aws-sdk/client-emr";
import { isAlive } from "../aws/cluster-states.ts";
import { usdPerNodeHour } from "../catalog/instance-types.ts";
import { ebsUsdPerGiBHour } from "../catalog/prices.ts";
import type { Cost } from "../contract/cost.ts";
import type { Plan } from "../contract/plan.ts";
import { hourMs, nodeEbsGiB } from "./hourly-price.ts";
import { s3RequestsUsd } from "./quote.ts";

/** EC2 and EMR bill by the second, with a minimum of a minute. */
const minBilledMs = 60_000;

interface Timeline {
  readonly CreationDateTime?: Date;
  readonly EndDateTime?: Date;
}

/** Lifetime between `since` and `now`. */
function lifetimeMs({ CreationDateTime, EndDateTime }: Timeline = {}, since: Date, now: Date): number {
  const from = Math.max((CreationDateTime ?? since).getTime(), since.getTime());
  return Math.max(0, (EndDateTime ?? now).getTime() - from);
}

/** The nodes with one instance type and one purchasing option. */
interface NodeGroup {
  readonly type: string;
  readonly isSpot: boolean;
  readonly nodes: number;
  readonly hours: number;
}

function groupNodes(instances: readonly Instance[], since: Date, now: Date): readonly NodeGroup[] {
  const groups = new Map<string, NodeGroup>();
  for (const { InstanceType: type = "", Market: market, Status: status } of instances) {
    const isSpot = market === "SPOT";
    const key = `${type} ${isSpot}`;
    const { nodes, hours } = groups.get(key) ?? { nodes: 0, hours: 0 };
    const billedHours = Math.max(minBilledMs, lifetimeMs(status?.Timeline, since, now)) / hourMs;
    groups.set(key, { type, isSpot, nodes: nodes + 1, hours: hours + billedHours });
  }
  return [...groups.values()];
}

/**
 * Computes the actual cost of a run's cluster: the nodes' hours as EMR reports them, at the prices of the quote. Spot
 * nodes count at the on-demand price, which is an upper bound.
 *
 * @param computed number of images whose features the run computed
 * @param instances all instances of ListInstances, terminated ones included
 * @param since start of the run; a reused cluster is older, and only the time since then counts
 * @param now end of the lifetime of nodes that still run
 */
export function trueCost(
  plan: Pick<Plan, "cluster" | "estimate" | "counts" | "keepMinutes" | "pack">,
  computed: number,
  cluster: Cluster,
  instances: readonly Instance[],
  since: Date,
  now: Date,
): Cost {
  const groups = groupNodes(instances, since, now);
  const nodesUsd = groups.reduce((usd, { type, hours }) => usd + hours * usdPerNodeHour(type), 0);
  const nodeHours = groups.reduce((total, { hours }) => total + hours, 0);
  const terms = groups.map(
    ({ type, isSpot, nodes, hours }) =>
      `${nodes} x ${type}${isSpot ? " (Spot, at the on-demand price)" : ""}, ` +
      `${hours.toFixed(3)} h x ${usdPerNodeHour(type).toFixed(3)} USD/h`,
  );
  const ebsGiB = nodeEbsGiB(plan.cluster);
  const s3Usd = s3RequestsUsd(plan.counts.images, computed, plan.pack?.groups);
  const usd = nodesUsd + nodeHours * ebsGiB * ebsUsdPerGiBHour + s3Usd;
  const quotedUsd = plan.estimate.usd;
  return {
    quotedUsd,
    actualUsd: Number(usd.toFixed(4)),
    // The quote of a kept cluster includes the time after the run, which has only begun.
    forecastErrorPercent:
      quotedUsd > 0 && plan.keepMinutes === 0 ? Number((100 * (usd / quotedUsd - 1)).toFixed(1)) : null,
    minutes: {
      quoted: plan.estimate.minutes,
      actual: Number((lifetimeMs(cluster.Status?.Timeline, since, now) / 60_000).toFixed(1)),
    },
    isAlive: isAlive(cluster.Status?.State),
    isFinal: cluster.Status?.Timeline?.EndDateTime !== undefined,
    arithmetic:
      `${terms.join(" + ")} + EBS ${ebsGiB} GiB a node x ${nodeHours.toFixed(3)} h x ${ebsUsdPerGiBHour.toFixed(6)} USD` +
      ` + S3 requests, by the number of images, ${s3Usd.toFixed(3)} USD = ${usd.toFixed(4)} USD`,
  };
}
