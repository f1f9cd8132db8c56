import { pricesDate, pricesRegion, s3UsdPerGet, s3UsdPerPutOrList } from "../catalog/prices.ts";
import type { Precision } from "../contract/choices.ts";
import { type JobStep, jobSteps, stateOfStep } from "../contract/job-steps.ts";
import type { Plan } from "../contract/plan.ts";
import { capacityOf } from "./capacity.ts";
import type { ClusterShape } from "./cluster-shape.ts";
import { type HourlyPrice, hourlyPriceOf } from "./hourly-price.ts";
import { coreSpeed, type Outlook, rates } from "./rates.ts";
import { type Cause, causes, imagesPerTask, type StepTimes, secondsPerImage, stepTimes } from "./step-times.ts";

/** The amount of work in a run. */
export interface Work {
  /** Images of the selection. */
  readonly images: number;
  /** Images whose features must be computed. */
  readonly newImages: number;
  /** Size of the images of the selection. @default that of images of 100 x 100 pixels */
  readonly bytes?: number;
  /** False when the features store could not be read; every image then counts as new. */
  readonly isStoreKnown?: boolean;
  /** Time that the model takes for an image, relative to MobileNetV2, for which the rates hold. @default 1 */
  readonly relativeTime?: number;
  /** @default "float32" */
  readonly precision?: Precision;
  /** Whether large JPEGs are decoded at a part of their size. */
  readonly jpegDraft?: boolean;
  /** Row groups of the pack that has the images; undefined for a tree of single files. */
  readonly packGroups?: number | undefined;
  readonly steps: Plan["steps"];
}

/** Exact figures; the plan has them rounded. */
export interface Quote {
  readonly minutes: number;
  /** The minutes if every rate of the model is at its best, and at its worst. */
  readonly between: readonly [number, number];
  /** Names the part of the run that takes most of the minutes. */
  readonly bottleneck: string;
  readonly usd: number;
  /** The part of it that S3's requests cost. */
  readonly s3Usd: number;
  /** Minutes of each step until Step Functions notices its end; 0 for a step that the run does not have. */
  readonly stepMinutes: Readonly<Record<JobStep, number>>;
  readonly arithmetic: string;
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

/** A features task opens a pack's file by a HEAD and a GET of its footer, and reads up to two row groups of images. */
const readsPerTask = 4;

/**
 * Price of a run's requests to S3: Preflight and the inventory list all images, ExtractFeatures reads the new ones.
 *
 * @param packGroups row groups of the pack that has the images: the inventory reads each once, and nothing is listed
 */
export function s3RequestsUsd(images: number, newImages: number, packGroups?: number): number {
  if (packGroups !== undefined) {
    const reads = packGroups + readsPerTask * Math.ceil(newImages / imagesPerTask) + otherRequests;
    // A task of large images needs more than two row groups. All tasks together then read each row group about once.
    return (reads + (newImages > 0 ? packGroups : 0)) * s3UsdPerGet + otherRequests * s3UsdPerPutOrList;
  }
  return (
    (newImages + otherRequests) * s3UsdPerGet +
    (2 * Math.ceil(images / keysPerList) + otherRequests) * s3UsdPerPutOrList
  );
}

interface Timing {
  readonly minutes: number;
  readonly stepMinutes: Quote["stepMinutes"];
  readonly bottleneck: string;
  readonly arithmetic: string;
}

/** Names the largest part of the minutes: the cluster's start, end and waiting, or one cause in one step. */
function findBottleneck(minutes: number, seconds: Readonly<Partial<Record<JobStep, StepTimes>>>): string {
  const inSteps = jobSteps.flatMap((step) => {
    const times = seconds[step];
    return times === undefined
      ? []
      : (Object.keys(causes) as Cause[]).map((cause) => ({
          name: `${causes[cause]} in ${stateOfStep[step]}`,
          minutes: times[cause] / 60,
        }));
  });
  const around = minutes - sum(inSteps.map((part) => part.minutes));
  const parts = [{ name: "the start and the end of the cluster and its steps", minutes: around }, ...inSteps];
  const largest = parts.reduce((most, part) => (part.minutes > most.minutes ? part : most));
  return `${largest.name}, ${((100 * largest.minutes) / minutes).toFixed(0)} % of the minutes`;
}

/** @param isReused the cluster is a kept one, so that the run waits neither for its start nor for its end */
function timingOf(shape: ClusterShape, work: Work, isReused: boolean, outlook: Outlook): Timing {
  const { images, newImages, bytes, steps, isStoreKnown = true } = work;
  const { relativeTime = 1, precision = "float32", jpegDraft = false } = work;
  const capacity = capacityOf(shape, outlook);
  const megabytesPerImage = bytes === undefined ? undefined : bytes / 1e6 / Math.max(images, 1);
  const request = {
    work: { images, newImages, megabytesPerImage, relativeTime, precision, jpegDraft },
    capacity,
    outlook,
  };
  const start = isReused ? 0 : rates.startMinutes[outlook] + rates.bootstrapMinutes[outlook];
  const planned = jobSteps.filter((name) => steps[name]);
  const seconds = Object.fromEntries(planned.map((step) => [step, stepTimes(step, request)]));
  const minutesOf = (name: JobStep): number =>
    rates.stepMinutes[outlook] + sum(Object.values(seconds[name] ?? {})) / 60;
  const stepMinutes = planned.map(minutesOf);
  const stepsTotal = sum(stepMinutes);
  const idle = sum([...(isReused ? [] : [start]), ...stepMinutes].map(pollMinutesAfter));
  const around = rates.functionMinutes[outlook] + (isReused ? 0 : rates.terminateMinutes[outlook]);
  const minutes = start + stepsTotal + idle + around;
  const imagesPerSecond = coreSpeed[capacity.architecture][outlook] / secondsPerImage(request.work, outlook);
  const inBf16 = precision === "bf16" ? " in bf16" : "";
  const terms = [
    isReused ? "a cluster that is there" : `${start} min until the cluster is ready`,
    `${stepsTotal.toFixed(1)} min for ${stepMinutes.length} step(s)` +
      (steps.features
        ? ` (${newImages} ${isStoreKnown ? "new" : "perhaps new"} images / ${Number(imagesPerSecond.toFixed(1))} images/s a core${inBf16} / ${capacity.cores} cores)`
        : ""),
    `${idle} min idle until .sync polling sees an end`,
    `${around.toFixed(1)} min around them`,
  ];
  const untilNoticed = (name: JobStep): number =>
    steps[name] ? minutesOf(name) + pollMinutesAfter(minutesOf(name)) : 0;
  return {
    minutes,
    bottleneck: findBottleneck(minutes, seconds),
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
    const nothing = { between: [0, 0], bottleneck: "", arithmetic: "nothing is new: no cluster" } as const;
    return { minutes: 0, usd: 0, s3Usd: 0, stepMinutes, ...nothing };
  }
  const [timing, best, worst] = [
    timingOf(shape, work, isReused, "value"),
    timingOf(shape, work, isReused, "best"),
    timingOf(shape, work, isReused, "worst"),
  ];
  const { minutes } = timing;
  const hourly = hourlyPriceOf(shape);
  const s3Usd = s3RequestsUsd(work.images, work.steps.features ? work.newImages : 0, work.packGroups);
  const usd = (hourly.usd * minutes) / 60 + s3Usd;
  return {
    minutes,
    between: [best.minutes, worst.minutes],
    bottleneck: timing.bottleneck,
    usd,
    s3Usd,
    stepMinutes: timing.stepMinutes,
    arithmetic:
      `${timing.arithmetic}; ${describePrice(hourly, shape.coreCount, region)}, x ${minutes.toFixed(1)} min` +
      ` + S3 requests ${s3Usd.toFixed(3)} USD = ${usd.toFixed(2)} USD`,
  };
}

/** Rounds a quote to a plan's estimate. @param usdAtMost the cost if managed scaling goes up to its upper bound */
export function estimateOf(quoted: Quote, usdAtMost = quoted.usd): Plan["estimate"] {
  const { minutes, between, bottleneck, usd, arithmetic } = quoted;
  const [least, most] = between;
  return {
    minutes: Number(minutes.toFixed(1)),
    usd: Number(usd.toFixed(2)),
    usdAtMost: Number(usdAtMost.toFixed(2)),
    minutesBetween: [Number(least.toFixed(1)), Number(most.toFixed(1))],
    bottleneck,
    arithmetic,
  };
}
