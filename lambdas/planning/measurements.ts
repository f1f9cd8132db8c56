import { z } from "zod";
import recorded from "./measured.json" with { type: "json" };

const runSchema = z.object({
  seconds: z.number(),
  /** Processor time of all processes of the step. Other load on the machine changes it less than `seconds`. */
  processorSeconds: z.number(),
});
const memorySchema = z.object({ jvm: z.number(), pythonDriver: z.number(), pythonWorkers: z.array(z.number()) });

/** Describes the figures that `npm run bench:scale` measures. */
export const measurementsSchema = z.object({
  machine: z.object({
    processor: z.string(),
    cores: z.int(),
    system: z.string(),
    /** Load average before the first measurement: above 1, the machine was not idle. */
    loadBefore: z.number(),
    date: z.string(),
  }),
  /** The features step for growing numbers of images, on all cores. */
  growth: z.array(runSchema.extend({ images: z.int() })),
  /** Speed of two cores, relative to one. */
  speedup: z.object({ images: z.int(), inJobs: z.number(), wholeStep: z.number() }),
  costs: z.object({ secondsPerTask: z.number(), secondsPerFile: z.number() }),
  preflight: z.array(runSchema.extend({ images: z.int(), isEstimated: z.boolean(), peakMb: z.number() })),
  inventory: z.array(runSchema.extend({ images: z.int(), latencyMs: z.number(), peakMb: memorySchema })),
  /** The reduction step. */
  rows: z.array(runSchema.extend({ rows: z.int(), peakMb: memorySchema })),
});
export type Measurements = Readonly<z.output<typeof measurementsSchema>>;

/** The measurements that the rates of the model come from. A part may not have been measured yet. */
export const measurements = measurementsSchema.partial().required({ machine: true }).parse(recorded);

interface Point {
  readonly amount: number;
  readonly seconds: number;
}

/** Fits seconds = fixed + amount x each, through two points. */
export function fitLine(from: Point, to: Point): { readonly fixed: number; readonly each: number } {
  const each = (to.seconds - from.seconds) / (to.amount - from.amount);
  return { each, fixed: from.seconds - from.amount * each };
}

/** Processor seconds of one more item, between the two largest amounts; undefined if there are fewer than two. */
export function marginalSeconds(
  runs: readonly { readonly amount: number; readonly processorSeconds: number }[] = [],
): number | undefined {
  const [from, to] = runs.slice(-2).map(({ amount, processorSeconds: seconds }) => ({ amount, seconds }));
  return from && to && fitLine(from, to).each;
}

/** A prediction of the features step on the measured machine, from two smaller runs, against its measurement. */
export interface Check {
  readonly images: number;
  readonly predictedSeconds: number;
  readonly measuredSeconds: number;
  /** (predicted - measured) / measured */
  readonly error: number;
}

/** Predicts the largest run of the features step from the two smallest; undefined if there are fewer than three runs. */
export function checkGrowth(growth: Measurements["growth"] = []): Check | undefined {
  const [first, second] = growth.map(({ images, seconds }) => ({ amount: images, seconds }));
  const last = growth.at(-1);
  if (first === undefined || second === undefined || last === undefined || growth.length < 3) return undefined;
  const { fixed, each } = fitLine(first, second);
  const predictedSeconds = fixed + each * last.images;
  return {
    images: last.images,
    predictedSeconds,
    measuredSeconds: last.seconds,
    error: predictedSeconds / last.seconds - 1,
  };
}
