import { instanceType } from "../catalog/instance-types.ts";
import { pricesDate, pricesRegion, s3UsdPerGet, s3UsdPerPutOrList } from "../catalog/prices.ts";
import { type JobStep, jobSteps } from "../contract/job-steps.ts";
import type { Plan } from "../contract/plan.ts";
import { type ClusterShape, workersOf } from "./cluster-shape.ts";
import { executorCores, executorsPerNode } from "./executor-memory.ts";
import { type HourlyPrice, hourlyPriceOf } from "./hourly-price.ts";
import { type CoreRates, coreRates, rates } from "./rates.ts";

/** The amount of work in a run. */
export interface Work {
  /** Images of the selection. */
  readonly images: number;
  /** Images whose features must be computed. */
  readonly newImages: number;
  /** False when the features store could not be read; every image then counts as new. */
  readonly isStoreKnown?: boolean;
  /** Time that the model takes for an image, relative to MobileNetV2, whose speed the rates have. 1 by default. */
  readonly relativeTime?: number;
  readonly steps: Plan["steps"];
}

/** Exact figures; the plan has them rounded. */
export interface Quote {
  readonly minutes: number;
  readonly usd: number;
  /** The part of it that S3's requests cost. */
  readonly s3Usd: number;
  /** Minutes of each step until Step Functions notices its end; 0 for a step that the run does not have. */
  readonly stepMinutes: Readonly<Record<JobStep, number>>;
  readonly arithmetic: string;
}

/** Tasks that run at a time: one on each vCPU of the executors. */
function parallelTasks(shape: ClusterShape): number {
  const { types, count } = workersOf(shape);
  return count * executorsPerNode(types, shape) * executorCores;
}

/** Physical cores of all executors, less the share that the daemons of a single node use. */
export function effectiveCores(shape: ClusterShape): number {
  // EC2 may provide any type of the fleet.
  const coresPerVcpu = Math.min(...workersOf(shape).types.map(coresPerVcpuOf));
  const share = shape.coreCount === 0 ? rates.oneNodeShare.value : 1;
  return parallelTasks(shape) * coresPerVcpu * share;
}

function coresPerVcpuOf(type: string): number {
  const { cores, vcpus } = instanceType(type);
  return cores / vcpus;
}

/** The speed of a core, of the architecture that all nodes have. */
function coreRatesOf(shape: ClusterShape): CoreRates {
  const [type = ""] = workersOf(shape).types;
  return coreRates[instanceType(type).architecture];
}

/** Minutes that a cluster idles, and is paid for, until Step Functions notices the end of a .sync job of that length. */
function pollMinutesAfter(minutes: number): number {
  return minutes > rates.slowPollAfterMinutes.value ? rates.slowPollMinutes.value : rates.pollMinutes.value;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Requests to S3 other than those for images: libraries, plan, logs, results, event log. */
const otherRequests = 2_000;
const keysPerList = 1_000;

/** Price of a run's requests to S3: Preflight and the inventory list all images, ExtractFeatures reads the new ones. */
export function s3RequestsUsd(images: number, newImages: number): number {
  return (
    (newImages + otherRequests) * s3UsdPerGet +
    (2 * Math.ceil(images / keysPerList) + otherRequests) * s3UsdPerPutOrList
  );
}

interface Timing {
  readonly minutes: number;
  readonly stepMinutes: Quote["stepMinutes"];
  readonly arithmetic: string;
}

/** @param isReused the cluster is a kept one, so that the run waits neither for its start nor for its end */
function timingOf(shape: ClusterShape, work: Work, isReused: boolean): Timing {
  const { images, newImages, steps, isStoreKnown = true, relativeTime = 1 } = work;
  const cores = effectiveCores(shape);
  const { imagesPerSecond: imagesOfMobileNet, rowsPerSecond } = coreRatesOf(shape);
  const imagesPerSecond = imagesOfMobileNet.value / relativeTime;
  const seconds = (items: number, rate: number, workers: number): number =>
    items / Math.max(rate * workers, Number.EPSILON);
  const start = isReused ? 0 : rates.startMinutes.value + rates.bootstrapMinutes.value;
  const workMinutes = {
    inventory: seconds(images, rates.keysPerSecondPerTask.value, parallelTasks(shape)) / 60,
    features: seconds(newImages, imagesPerSecond, cores) / 60,
    reduction: seconds(images, rowsPerSecond.value, cores) / 60,
  };
  const minutesOf = (name: JobStep): number => rates.stepMinutes.value + workMinutes[name];
  const stepMinutes = jobSteps.filter((name) => steps[name]).map(minutesOf);
  const stepsTotal = sum(stepMinutes);
  const idle = sum([...(isReused ? [] : [start]), ...stepMinutes].map(pollMinutesAfter));
  const around = rates.functionMinutes.value + (isReused ? 0 : rates.terminateMinutes.value);
  const minutes = start + stepsTotal + idle + around;
  const terms = [
    isReused ? "a cluster that is there" : `${start} min until the cluster is ready`,
    `${stepsTotal.toFixed(1)} min for ${stepMinutes.length} step(s)` +
      (steps.features
        ? ` (${newImages} ${isStoreKnown ? "new" : "perhaps new"} images / ${Number(imagesPerSecond.toFixed(1))} images/s a core / ${cores} cores)`
        : ""),
    `${idle} min idle until .sync polling sees an end`,
    `${around.toFixed(1)} min around them`,
  ];
  const untilNoticed = (name: JobStep): number =>
    steps[name] ? minutesOf(name) + pollMinutesAfter(minutesOf(name)) : 0;
  return {
    minutes,
    stepMinutes: {
      inventory: untilNoticed("inventory"),
      features: untilNoticed("features"),
      reduction: untilNoticed("reduction"),
    },
    arithmetic: `${terms.join(" + ")} = ${minutes.toFixed(1)} min`,
  };
}

function describePrice({ primaryType, coreType, ...hourly }: HourlyPrice, coreCount: number, region: string): string {
  const machines = `1 x ${primaryType}${coreType ? ` + ${coreCount} x ${coreType}` : ""}`;
  const prices = region === pricesRegion ? pricesRegion : `${pricesRegion}'s prices, not ${region}'s`;
  return (
    `(${machines}, EC2 on demand + EMR, ${prices}, ${pricesDate}) ` +
    `${hourly.nodesUsd.toFixed(3)} USD/h + EBS ${hourly.ebsGiB} GiB ${hourly.ebsUsd.toFixed(3)} USD/h`
  );
}

/**
 * Estimates the minutes and the US dollars that the work takes on a cluster. The price is an upper bound: the most
 * expensive type of each fleet, on demand, without tax.
 *
 * @param isReused the cluster is a kept one, so that the run waits neither for its start nor for its end
 */
export function quote(shape: ClusterShape, work: Work, region: string, isReused = false): Quote {
  if (!work.steps.any) {
    const stepMinutes = { inventory: 0, features: 0, reduction: 0 };
    return { minutes: 0, usd: 0, s3Usd: 0, stepMinutes, arithmetic: "nothing is new: no cluster" };
  }
  const timing = timingOf(shape, work, isReused);
  const { minutes } = timing;
  const hourly = hourlyPriceOf(shape);
  const s3Usd = s3RequestsUsd(work.images, work.steps.features ? work.newImages : 0);
  const usd = (hourly.usd * minutes) / 60 + s3Usd;
  return {
    minutes,
    usd,
    s3Usd,
    stepMinutes: timing.stepMinutes,
    arithmetic:
      `${timing.arithmetic}; ${describePrice(hourly, shape.coreCount, region)}, x ${minutes.toFixed(1)} min` +
      ` + S3 requests ${s3Usd.toFixed(3)} USD = ${usd.toFixed(2)} USD`,
  };
}
