import { rootVolumeGiB, usdPerNodeHour } from "../catalog/instance-types.ts";
import { ebsUsdPerGiBHour, pricesDate, pricesRegion, s3UsdPerGet, s3UsdPerPutOrList } from "../catalog/prices.ts";
import type { Plan } from "../contract/plan.ts";
import { executorCores, executorsPerNode } from "./executor-memory.ts";
import { imagesPerSecondPerVcpu, rates } from "./rates.ts";
import { type ClusterShape, workersOf } from "./run-job-flow.ts";

/** What a run has to do. */
export interface Work {
  /** Images of the selection. */
  readonly images: number;
  /** Those whose features have to be computed. */
  readonly newImages: number;
  /** false: nobody knows what the features store has, and all images count as new. */
  readonly isStoreKnown?: boolean;
  readonly steps: Plan["steps"];
}

/** Exact figures; what people read is rounded. */
export interface Quote {
  readonly minutes: number;
  readonly usd: number;
  readonly arithmetic: string;
}

/** vCPUs that executors have, less what the daemons of a single node take of them. */
export function effectiveVcpus(shape: ClusterShape): number {
  const { types, count } = workersOf(shape);
  const share = shape.coreCount === 0 ? rates.oneNodeShare.value : 1;
  return count * executorsPerNode(types, shape) * executorCores * share;
}

/** Until Step Functions notices that a .sync job of that length is over, the cluster is idle, and paid for. */
function pollMinutesAfter(minutes: number): number {
  return minutes > rates.slowPollAfterMinutes.value ? rates.slowPollMinutes.value : rates.pollMinutes.value;
}

/** The type of a fleet that costs most: which one EC2 gives, nobody knows. */
export function mostExpensive(types: readonly string[]): string {
  return types.reduce((best, type) => (usdPerNodeHour(type) > usdPerNodeHour(best) ? type : best), types[0] ?? "");
}

function fixed(value: number, digits: number): string {
  return value.toFixed(digits);
}

/** Requests to S3 beside those for images: libraries, plan, logs, results, event log. */
const otherRequests = 2_000;
/** Keys that a LIST answers at a time. */
const keysPerList = 1_000;

/** Preflight and the inventory list all images, the features' step reads the new ones. */
export function s3RequestsUsd(images: number, newImages: number): number {
  return (
    (newImages + otherRequests) * s3UsdPerGet +
    (2 * Math.ceil(images / keysPerList) + otherRequests) * s3UsdPerPutOrList
  );
}

/**
 * What a cluster takes for the work, in minutes, and costs, in US dollars: at the on-demand price of the dearest type of
 * each fleet, which a cheaper type or Spot undercuts, and without tax.
 *
 * @param isThere the cluster is a kept one, which goes on: nobody waits for its start or its end
 */
export function quote(
  shape: ClusterShape,
  { images, newImages, steps, isStoreKnown = true }: Work,
  region: string,
  isThere = false,
): Quote {
  if (!steps.any) return { minutes: 0, usd: 0, arithmetic: "nothing is new: no cluster" };
  const vcpus = effectiveVcpus(shape);
  const perSecond = (rate: number): number => Math.max(rate * vcpus, Number.EPSILON);
  const start = isThere ? 0 : rates.startMinutes.value + rates.bootstrapMinutes.value;
  const work = {
    inventory: images / rates.keysPerSecond.value / 60,
    features: newImages / perSecond(imagesPerSecondPerVcpu) / 60,
    reduction: images / perSecond(rates.rowsPerSecondPerVcpu.value) / 60,
  };
  const stepMinutes = (["inventory", "features", "reduction"] as const)
    .filter((name) => steps[name])
    .map((name) => rates.stepMinutes.value + work[name]);
  const stepsTotal = stepMinutes.reduce((sum, minutes) => sum + minutes, 0);
  const idle = [...(isThere ? [] : [start]), ...stepMinutes]
    .map(pollMinutesAfter)
    .reduce((sum, minutes) => sum + minutes, 0);
  const around = rates.functionMinutes.value + (isThere ? 0 : rates.terminateMinutes.value);
  const minutes = start + stepsTotal + idle + around;

  const primary = mostExpensive(shape.primaryTypes);
  const core = shape.coreCount === 0 ? undefined : mostExpensive(shape.coreTypes);
  const nodes = 1 + shape.coreCount;
  const nodesUsdPerHour = usdPerNodeHour(primary) + (core ? shape.coreCount * usdPerNodeHour(core) : 0);
  const ebsGiB = nodes * (shape.ebsGiB + rootVolumeGiB);
  const ebsUsdPerHour = ebsGiB * ebsUsdPerGiBHour;
  const s3Usd = s3RequestsUsd(images, steps.features ? newImages : 0);
  const usd = ((nodesUsdPerHour + ebsUsdPerHour) * minutes) / 60 + s3Usd;

  const time = [
    isThere ? "a cluster that is there" : `${start} min until the cluster is ready`,
    `${fixed(stepsTotal, 1)} min for ${stepMinutes.length} step(s)` +
      (steps.features
        ? ` (${newImages} ${isStoreKnown ? "new" : "perhaps new"} images / ${imagesPerSecondPerVcpu} images/s a vCPU / ${vcpus} vCPUs)`
        : ""),
    `${idle} min idle until .sync polling sees an end`,
    `${fixed(around, 1)} min around them`,
  ].join(" + ");
  const machines = `1 x ${primary}${core ? ` + ${shape.coreCount} x ${core}` : ""}`;
  const where = region === pricesRegion ? pricesRegion : `${pricesRegion}'s prices, not ${region}'s`;
  return {
    minutes,
    usd,
    arithmetic:
      `${time} = ${fixed(minutes, 1)} min; (${machines}, EC2 on demand + EMR, ${where}, ${pricesDate}) ` +
      `${fixed(nodesUsdPerHour, 3)} USD/h + EBS ${ebsGiB} GiB ${fixed(ebsUsdPerHour, 3)} USD/h, x ${fixed(minutes, 1)} min` +
      ` + S3 requests ${fixed(s3Usd, 3)} USD = ${fixed(usd, 2)} USD`,
  };
}
