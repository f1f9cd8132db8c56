import type { Precision } from "../contract/choices.ts";
import type { JobStep } from "../contract/job-steps.ts";
import type { Capacity } from "./capacity.ts";
import { coreSpeed, type Outlook, type Rate, rates } from "./rates.ts";

/** The amount of work in a step. */
export interface StepWork {
  /** Images of the selection. */
  readonly images: number;
  /** Images whose features must be computed. */
  readonly newImages: number;
  /** Size of an image's file, in megabytes. @default that of the measured images */
  readonly megabytesPerImage?: number | undefined;
  /** Time that the model takes for an image, relative to MobileNetV2, whose speed was measured. */
  readonly relativeTime: number;
  readonly precision: Precision;
  /** Whether large JPEGs are decoded at a part of their size. */
  readonly jpegDraft: boolean;
}

/** Names the resources that a step's tasks wait for. */
export const causes = {
  cores: "the cores",
  list: "S3's answers to LIST",
  get: "the GETs a second that S3 answers",
  driver: "the driver",
} as const;
export type Cause = keyof typeof causes;

/** Seconds of a step by their cause; the step takes their sum, and the time that each step takes to start. */
export type StepTimes = Readonly<Record<Cause, number>>;

/** The measured images: 100 x 100 pixels. */
const measuredMegabytes = 0.01;
const keysPerPage = 1_000;
/** Most images of a task, and the number of tasks beyond which tasks get larger (spark/orchard/jobs/shares.py). */
export const imagesPerTask = 256;
const mostTasks = 2_000;
/** Most partial sums of a PCA, and least rows of each (spark/orchard/tree_sum.py). */
const mostSums = 96;
const rowsPerSum = 1_024;

interface Request {
  readonly work: StepWork;
  readonly capacity: Capacity;
  readonly outlook: Outlook;
}

function inventoryTimes({ work: { images }, capacity: { tasks }, outlook }: Request, coreSeconds: number): StepTimes {
  const pages = Math.ceil(images / keysPerPage);
  return {
    cores: images * rates.secondsPerKey[outlook] * coreSeconds,
    list: (pages * rates.secondsPerPage[outlook]) / Math.max(tasks, 1),
    get: 0,
    driver: 0,
  };
}

/** Seconds in which one core of the measured machine computes the features of a small image. */
export function secondsPerImage(
  { relativeTime, precision }: Pick<StepWork, "relativeTime" | "precision">,
  outlook: Outlook,
): number {
  return rates.secondsPerImage[outlook] * relativeTime * (precision === "bf16" ? rates.bf16Share[outlook] : 1);
}

function featuresTimes({ work, outlook }: Request, coreSeconds: number): StepTimes {
  const { newImages, megabytesPerImage = measuredMegabytes, jpegDraft } = work;
  const decodingShare = jpegDraft ? rates.draftShare[outlook] : 1;
  const decoding =
    decodingShare * rates.secondsPerMegabyte[outlook] * Math.max(0, megabytesPerImage - measuredMegabytes);
  const cores = newImages * (secondsPerImage(work, outlook) + decoding) * coreSeconds;
  const taskCount = Math.min(mostTasks, Math.ceil(newImages / imagesPerTask));
  return {
    cores,
    list: 0,
    // Images are read while others are computed, so reading counts only as far as it takes longer.
    get: Math.max(0, newImages / rates.getsPerSecond[outlook] - cores),
    driver: taskCount * rates.driverSecondsPerTask[outlook],
  };
}

function reductionTimes({ work: { images }, outlook }: Request, coreSeconds: number): StepTimes {
  const sums = Math.min(mostSums, Math.ceil(images / rowsPerSum));
  return {
    cores: images * rates.secondsPerRow[outlook] * coreSeconds,
    list: 0,
    get: 0,
    driver: sums * rates.driverSecondsPerSum[outlook],
  };
}

/** Models the time of a step's work on a cluster, for a run that has that step. docs/scale.md says where it holds. */
export function stepTimes(step: JobStep, request: Request): StepTimes {
  const { capacity, outlook } = request;
  const speed: Rate = coreSpeed[capacity.architecture];
  // Seconds in which the cluster does the work of one core of the measured machine in a second.
  const coreSeconds = 1 / Math.max(capacity.cores * speed[outlook], Number.EPSILON);
  const times = { inventory: inventoryTimes, features: featuresTimes, reduction: reductionTimes };
  return times[step](request, coreSeconds);
}
