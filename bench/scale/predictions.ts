import { defaultMaxMegapixels } from "../../lambdas/contract/input.ts";
import { capacityOf } from "../../lambdas/planning/capacity.ts";
import type { ClusterShape } from "../../lambdas/planning/cluster-shape.ts";
import { deriveMemory } from "../../lambdas/planning/executor-memory.ts";
import type { Measurements } from "../../lambdas/planning/measurements.ts";
import { estimateOf, type Quote, quote } from "../../lambdas/planning/quote.ts";
import { coreSpeed, rates } from "../../lambdas/planning/rates.ts";

/** Images of the predictions: Fruits-360's training images, all its images, and larger buckets. */
export const imageCounts = [67_692, 155_000, 1_000_000, 10_000_000] as const;
export const nodeCounts = [3, 10, 30, 100] as const;
export const nodeType = "m7a.2xlarge";

function clusterOf(type: string, coreCount: number): ClusterShape {
  const fleet = { primaryTypes: [type], coreTypes: [type], coreCount, maxCoreCount: coreCount };
  return {
    ...fleet,
    market: "ON_DEMAND",
    ebsGiB: 64,
    ...deriveMemory([type], { maxMegapixels: defaultMaxMegapixels }, {}),
  };
}

/** Predicts a run of all steps with new images only, on a cluster of `coreCount` core nodes and a primary node. */
export function predict(images: number, coreCount: number, type: string = nodeType): Quote {
  const steps = { inventory: true, features: true, reduction: true, any: true };
  return quote(clusterOf(type, coreCount), { images, newImages: images, steps }, "eu-west-1");
}

/** A cell of the table of predictions. */
export interface Prediction {
  readonly images: number;
  readonly nodes: number;
  readonly minutes: number;
  readonly minutesBetween: readonly [number, number];
  readonly usd: number;
  readonly bottleneck: string;
}

export function predictions(): readonly Prediction[] {
  return imageCounts.flatMap((images) =>
    nodeCounts.map((nodes) => {
      const { minutes, minutesBetween, usd, bottleneck } = estimateOf(predict(images, nodes));
      return { images, nodes, minutes, minutesBetween: minutesBetween ?? [0, 0], usd, bottleneck };
    }),
  );
}

/** The job that Orchard replaces: 67,692 images in 4,984 s on three m5.2xlarge. */
export const seedJob = { images: 67_692, seconds: 4_984, vcpus: 24, imagesPerSecond: 13.6 } as const;

/** Images per second that the model predicts for ExtractFeatures on the seed job's nodes, without the step's start. */
export function imagesPerSecondOnSeedNodes(): number {
  const { cores } = capacityOf(clusterOf("m5.2xlarge", 2));
  return (cores * coreSpeed.x86_64.value) / rates.secondsPerImage.value;
}

/** A measured figure, and the bound that it should keep. */
export interface Goal {
  readonly name: string;
  readonly value: number;
  readonly bound: number;
  readonly isMet: boolean;
}

function atMost(name: string, value: number, bound: number): Goal {
  return { name, value, bound, isMet: value <= bound };
}

const driverMb = 1_024;
const workerMb = 500;

/** Compares the measured parts with their goals. */
export function goals({ speedup, inventory, rows, preflight }: Partial<Measurements>): readonly Goal[] {
  const largest = { inventory: inventory?.at(-1), reduction: rows?.at(-1), preflight: preflight?.at(-1) };
  const ofSteps = (["inventory", "reduction"] as const).flatMap((step) => {
    const memory = largest[step]?.peakMb;
    if (memory === undefined) return [];
    return [
      atMost(`MiB of the driver's Python in the ${step}`, memory.pythonDriver, driverMb),
      atMost(`MiB of the driver's JVM in the ${step}`, memory.jvm, driverMb),
      atMost(`MiB of a Python worker in the ${step}`, Math.max(0, ...memory.pythonWorkers), workerMb),
    ];
  });
  const speed = speedup && { name: "speed-up from 1 to 2 cores", value: speedup.inJobs, bound: 1.8 };
  return [
    ...(speed ? [{ ...speed, isMet: speed.value >= speed.bound }] : []),
    ...(largest.preflight ? [atMost("MiB of Preflight", largest.preflight.peakMb, driverMb)] : []),
    ...ofSteps,
  ];
}
