import type { Cluster, Instance } from "@aws-sdk/client-emr";
import { endableStates } from "../aws/emr.ts";
import { instanceType, rootVolumeGiB } from "../catalog/instance-types.ts";
import { ebsUsdPerGiBHour } from "../catalog/prices.ts";
import type { Cost } from "../contract/cost.ts";
import type { Plan } from "../contract/plan.ts";
import { hourMs } from "../teardown/cluster-age.ts";
import { s3RequestsUsd } from "./quote.ts";

/** EC2 and EMR bill by the second, from a minute on. */
const shortestBillMs = 60_000;

/**
 * What the nodes of a cluster have cost: their hours by EMR's own times, at the prices of the quote. Spot nodes count at
 * the on-demand price, which they do not exceed.
 *
 * @param computed images whose features the run computed
 * @param instances as ListInstances answers them, those that are gone, too
 * @param since nothing before it counts: a borrowed cluster is older than the run
 * @param now the end of what still runs
 */
export function trueCost(
  plan: Pick<Plan, "cluster" | "estimate" | "counts" | "keepMinutes">,
  computed: number,
  cluster: Cluster,
  instances: readonly Instance[],
  since: Date,
  now: Date,
): Cost {
  const lifeMs = (timeline: { CreationDateTime?: Date; EndDateTime?: Date } = {}): number => {
    const from = Math.max((timeline.CreationDateTime ?? since).getTime(), since.getTime());
    return Math.max(0, (timeline.EndDateTime ?? now).getTime() - from);
  };
  const kinds = new Map<string, { nodes: number; hours: number }>();
  for (const { InstanceType: type = "", Market: market, Status: status } of instances) {
    const kind = `${type}${market === "SPOT" ? " (Spot, at the on-demand price)" : ""}`;
    const { nodes, hours } = kinds.get(kind) ?? { nodes: 0, hours: 0 };
    const billed = Math.max(shortestBillMs, lifeMs(status?.Timeline)) / hourMs;
    kinds.set(kind, { nodes: nodes + 1, hours: hours + billed });
  }
  let usd = 0;
  let nodeHours = 0;
  const terms: string[] = [];
  for (const [kind, { nodes, hours }] of kinds) {
    const { ec2UsdPerHour, emrUsdPerHour } = instanceType(kind.split(" ")[0] ?? "");
    const hourly = ec2UsdPerHour + emrUsdPerHour;
    usd += hours * hourly;
    nodeHours += hours;
    terms.push(`${nodes} x ${kind}, ${hours.toFixed(3)} h x ${hourly.toFixed(3)} USD/h`);
  }
  const ebsGiB = plan.cluster.ebsGiB + rootVolumeGiB;
  const s3Usd = s3RequestsUsd(plan.counts.images, computed);
  usd += nodeHours * ebsGiB * ebsUsdPerGiBHour + s3Usd;
  const quoted = plan.estimate.usd;
  return {
    quotedUsd: quoted,
    actualUsd: Number(usd.toFixed(4)),
    // A kept cluster's quote counts the time after the run, which has only begun.
    forecastErrorPercent: quoted > 0 && plan.keepMinutes === 0 ? Number((100 * (usd / quoted - 1)).toFixed(1)) : null,
    minutes: {
      quoted: plan.estimate.minutes,
      actual: Number((lifeMs(cluster.Status?.Timeline) / 60_000).toFixed(1)),
    },
    isAlive: endableStates.some((state) => state === cluster.Status?.State),
    isFinal: cluster.Status?.Timeline?.EndDateTime !== undefined,
    arithmetic:
      `${terms.join(" + ")} + EBS ${ebsGiB} GiB a node x ${nodeHours.toFixed(3)} h x ${ebsUsdPerGiBHour.toFixed(6)} USD` +
      ` + S3 requests, by the number of images, ${s3Usd.toFixed(3)} USD = ${usd.toFixed(4)} USD`,
  };
}
