import { rootVolumeGiB, usdPerNodeHour } from "../catalog/instance-types.ts";
import { ebsUsdPerGiBHour } from "../catalog/prices.ts";
import type { ClusterPlan } from "../contract/cluster-plan.ts";
import { type ClusterShape, shapeOf } from "./cluster-shape.ts";

export const hourMs = 3_600_000;

/** Price of a cluster-hour in US dollars, with the figures that it consists of. */
export interface HourlyPrice {
  readonly primaryType: string;
  /** Undefined for a single-node cluster. */
  readonly coreType: string | undefined;
  /** EC2 on demand plus EMR's charge, for all nodes. */
  readonly nodesUsd: number;
  /** All nodes' volumes, root volumes included. */
  readonly ebsGiB: number;
  readonly ebsUsd: number;
  readonly usd: number;
}

/** The most expensive of a fleet's types: EC2 may provide any of them. */
function mostExpensive(types: readonly string[]): string {
  return types.reduce((best, type) => (usdPerNodeHour(type) > usdPerNodeHour(best) ? type : best), types[0] ?? "");
}

/** Size of a node's volumes in GiB. */
export function nodeEbsGiB({ ebsGiB }: Pick<ClusterShape, "ebsGiB">): number {
  return ebsGiB + rootVolumeGiB;
}

/** Upper bound of a cluster's hourly price: the most expensive type of each fleet, on demand, without tax. */
export function hourlyPriceOf(
  shape: Pick<ClusterShape, "primaryTypes" | "coreTypes" | "coreCount" | "ebsGiB">,
): HourlyPrice {
  const { coreCount } = shape;
  const primaryType = mostExpensive(shape.primaryTypes);
  const coreType = coreCount === 0 ? undefined : mostExpensive(shape.coreTypes);
  const nodesUsd = usdPerNodeHour(primaryType) + (coreType ? coreCount * usdPerNodeHour(coreType) : 0);
  const ebsGiB = (1 + coreCount) * nodeEbsGiB(shape);
  const ebsUsd = ebsGiB * ebsUsdPerGiBHour;
  return { primaryType, coreType, nodesUsd, ebsGiB, ebsUsd, usd: nodesUsd + ebsUsd };
}

/** Upper bound of the hourly price of a planned cluster, in US dollars. */
export function usdPerHour(plan: ClusterPlan): number {
  return hourlyPriceOf(shapeOf(plan)).usd;
}

/**
 * Price of some minutes of a planned cluster, in US dollars.
 *
 * @param coreCount number of core nodes during that time
 */
export function usdForMinutes(plan: ClusterPlan, minutes: number, coreCount = plan.coreCount): number {
  return (usdPerHour({ ...plan, coreCount }) * minutes) / 60;
}
