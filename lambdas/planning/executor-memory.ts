import { instanceType } from "../catalog/instance-types.ts";
import type { Precision } from "../contract/choices.ts";

/** Cores per executor. Each core has a Python worker, and all of them share the executor's memory overhead. */
export const executorCores = 4;

/**
 * Memory in MiB that a Python worker takes without the image that it decodes: 140, or 204 with OpenVINO (measured), and up to
 * 64 that it reads ahead.
 */
const workerMiB = { float32: 140 + 64, bf16: 204 + 64 } as const satisfies Readonly<Record<Precision, number>>;
/**
 * Memory in MiB that decoding takes for each megapixel (docs/images.md, "Size"): for most images, and for progressive JPEG
 * and AVIF. Only WebP takes more.
 */
const megapixelMiB = { usual: 4, most: 9.6 } as const;
/** Memory in MiB that a JVM takes outside its heap: classes, threads, buffers of the network. */
const jvmMiB = 384;
/** Bounds of the heap in MiB. The JVM only moves paths, so it has little use for more, and gets less if Python needs it. */
const heapMiB = { least: 1024, most: 4096 } as const;

/** The part of a run's work that its workers' memory depends on. */
export interface WorkersLoad {
  /** Larger images, in millions of pixels, are not decoded. */
  readonly maxMegapixels: number;
  /** @default "float32" */
  readonly precision?: Precision | undefined;
}

/** Memory in MiB that an executor needs outside the JVM's heap while each worker decodes one of the largest images. */
function overheadMiB({ maxMegapixels, precision = "float32" }: WorkersLoad, perMegapixel: number): number {
  return roundedUp(jvmMiB + executorCores * (workerMiB[precision] + maxMegapixels * perMegapixel));
}

/** Memory in MiB that YARN may use on the smallest of these nodes, because EC2 may provide any type of a fleet. */
function smallestYarnMiB(types: readonly string[]): number {
  return Math.min(...types.map((type) => instanceType(type).yarnMemoryMiB));
}

/** Converts a size in Spark's notation ("6g", "512m") to MiB. */
export function toMiB(size: string): number {
  return Number(size.slice(0, -1)) * (size.endsWith("g") ? 1024 : 1);
}

function toSize(mebibytes: number): string {
  return mebibytes % 1024 === 0 ? `${mebibytes / 1024}g` : `${mebibytes}m`;
}

/** YARN rounds a container's size up to its minimum allocation; multiples of this size are not rounded. */
const stepMiB = 256;
function roundedDown(mebibytes: number): number {
  return Math.floor(mebibytes / stepMiB) * stepMiB;
}
function roundedUp(mebibytes: number): number {
  return Math.ceil(mebibytes / stepMiB) * stepMiB;
}

export interface ExecutorMemory {
  /** In Spark's notation, such as 6g; so are the others. */
  readonly executorMemory: string;
  readonly executorMemoryOverhead: string;
  readonly driverMemory: string;
  readonly driverMemoryOverhead: string;
}

/** The sizes that the configuration or the execution input sets. */
export type GivenMemory = { readonly [Key in keyof ExecutorMemory]?: string | undefined };

/** EMR's default. */
const defaultDriverMemory = "2g";
/** The driver's Python sums the partitions' Gramians, 13 MB each, outside the JVM. */
const defaultDriverMemoryOverhead = "2g";

type DriverMemory = Pick<ExecutorMemory, "driverMemory" | "driverMemoryOverhead">;

/**
 * Memory in MiB that a node of any of these types has for executors, negative if the driver alone exceeds it. The driver
 * may run on any node, so every node reserves its memory.
 */
function roomMiB(types: readonly string[], { driverMemory, driverMemoryOverhead }: DriverMemory): number {
  return smallestYarnMiB(types) - toMiB(driverMemory) - toMiB(driverMemoryOverhead);
}

/**
 * Derives the memory of executors that fill a node of any of these types, and keeps given sizes. Python gets the memory for
 * the largest image that a run decodes, and all that the JVM has no use for.
 */
export function deriveMemory(types: readonly string[], load: WorkersLoad, given: GivenMemory): ExecutorMemory {
  const driver = {
    driverMemory: given.driverMemory ?? defaultDriverMemory,
    driverMemoryOverhead: given.driverMemoryOverhead ?? defaultDriverMemoryOverhead,
  };
  const executors = Math.min(...types.map((type) => instanceType(type).vcpus)) / executorCores;
  const container = roundedDown(roomMiB(types, driver) / executors);
  const overhead = given.executorMemoryOverhead
    ? toMiB(given.executorMemoryOverhead)
    : deriveOverhead(container, load, given.executorMemory);
  return {
    // Both sizes stay positive; memoryProblem reports sizes that do not fit.
    executorMemory: given.executorMemory ?? toSize(Math.max(stepMiB, container - overhead)),
    executorMemoryOverhead: toSize(overhead),
    ...driver,
  };
}

/** @param heap the given heap in Spark's notation, if any; decoding images of the usual formats must then fit beside it */
function deriveOverhead(container: number, load: WorkersLoad, heap: string | undefined): number {
  const wanted = Math.max(overheadMiB(load, megapixelMiB.most), container - heapMiB.most);
  const least = heap === undefined ? stepMiB : overheadMiB(load, megapixelMiB.usual);
  return Math.max(least, Math.min(wanted, roundedDown(container - toMiB(heap ?? `${heapMiB.least}m`))));
}

function containerMiB(memory: ExecutorMemory): number {
  return toMiB(memory.executorMemory) + toMiB(memory.executorMemoryOverhead);
}

/** Number of executors on each node of these types; 0 if none fits. */
export function executorsPerNode(types: readonly string[], memory: ExecutorMemory): number {
  const vcpus = Math.min(...types.map((type) => instanceType(type).vcpus));
  const fitting = Math.floor(roomMiB(types, memory) / containerMiB(memory));
  return Math.max(0, Math.min(vcpus / executorCores, fitting));
}

/** Explains why no executor can start on these types, with the largest size that could; undefined if one can. */
export function memoryProblem(types: readonly string[], memory: ExecutorMemory): string | undefined {
  if (executorsPerNode(types, memory) >= 1) return undefined;
  const { executorMemory, executorMemoryOverhead, driverMemory, driverMemoryOverhead } = memory;
  const node = `a node of ${types.join(" or ")}: YARN has ${toSize(smallestYarnMiB(types))} of it`;
  const driver = `${driverMemory} + ${driverMemoryOverhead} of driverMemoryOverhead`;
  const room = roomMiB(types, memory);
  if (room < 2 * stepMiB) {
    return `driverMemory: ${driver} leave no room for an executor on ${node}. Take larger nodes, or less for the driver in the stack's configuration`;
  }
  const most = room - toMiB(executorMemoryOverhead);
  const remedy =
    most >= stepMiB
      ? `the most with that overhead is executorMemory ${toSize(most)}`
      : `the two together may have ${toSize(room)}`;
  return (
    `cluster.executorMemory: ${executorMemory} and ${executorMemoryOverhead} of executorMemoryOverhead do not fit ${node}, ` +
    `and the driver takes ${driver}; ${remedy}`
  );
}
