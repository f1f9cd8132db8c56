import { instanceType } from "./prices.ts";

/** A worker's Python processes share its executor's overhead: more cores than these would want too much of it. */
export const executorCores = 4;

/** The driver's Python sums the partitions' Gramians, 13 MB each, beside the JVM. */
export const driverMemoryOverhead = "2g";

/**
 * What YARN may give of a node, in MiB, by the node's memory in GiB: yarn.nodemanager.resource.memory-mb of the
 * EMR Release Guide, "Task configuration", which has the same number for every family with that memory.
 */
const yarnMemoryMiB: Readonly<Record<number, number>> = {
  16: 12_288,
  32: 24_576,
  64: 57_344,
  128: 122_880,
};

/** YARN's memory of a node of a type, in MiB. */
export const yarnMemoryOf = (type: string): number => {
  const { memoryGiB } = instanceType(type);
  const found = yarnMemoryMiB[memoryGiB];
  if (found === undefined) throw new Error(`What YARN has of ${memoryGiB} GiB (${type}) is not known`);
  return found;
};

/** A size as Spark takes it ("6g", "512m"), in MiB. */
export const toMiB = (size: string): number => Number(size.slice(0, -1)) * (size.endsWith("g") ? 1024 : 1);

const toSize = (mebibytes: number): string => (mebibytes % 1024 === 0 ? `${mebibytes / 1024}g` : `${mebibytes}m`);

/** YARN rounds a container up to its smallest allocation; multiples of this are safe. */
const stepMiB = 256;
const roundedDown = (mebibytes: number): number => Math.floor(mebibytes / stepMiB) * stepMiB;

export interface ExecutorMemory {
  /** As spark.executor.memory takes it: 6g. */
  readonly executorMemory: string;
  readonly executorMemoryOverhead: string;
  /** As spark.driver.memory takes it. */
  readonly driverMemory: string;
}

/** The parts that somebody has set. */
export type GivenMemory = { readonly [Key in keyof ExecutorMemory]?: string | undefined };

/** EMR's own default. */
const defaultDriverMemory = "2g";

/** The driver may be on any node, so every node leaves it room. */
const roomMiB = (types: readonly string[], driverMemory: string): number =>
  Math.min(...types.map(yarnMemoryOf)) - toMiB(driverMemory) - toMiB(driverMemoryOverhead);

/**
 * Memory of executors of four cores that fill a node of any of these types, a third of it outside the JVM's heap for
 * Python; what is given stays.
 */
export const deriveMemory = (types: readonly string[], given: GivenMemory): ExecutorMemory => {
  const driverMemory = given.driverMemory ?? defaultDriverMemory;
  const executors = Math.min(...types.map((type) => instanceType(type).vcpus)) / executorCores;
  const container = roundedDown(roomMiB(types, driverMemory) / executors);
  const overhead = given.executorMemoryOverhead ? toMiB(given.executorMemoryOverhead) : roundedDown(container / 3);
  // At least a little: what does not fit is told by memoryProblem, with the maximum.
  const heap = Math.max(stepMiB, container - overhead);
  return {
    executorMemory: given.executorMemory ?? toSize(heap),
    executorMemoryOverhead: given.executorMemoryOverhead ?? toSize(overhead),
    driverMemory,
  };
};

const containerMiB = (memory: ExecutorMemory): number =>
  toMiB(memory.executorMemory) + toMiB(memory.executorMemoryOverhead);

/** How many executors run on each node of these types. */
export const executorsPerNode = (types: readonly string[], memory: ExecutorMemory): number => {
  const vcpus = Math.min(...types.map((type) => instanceType(type).vcpus));
  return Math.min(vcpus / executorCores, Math.floor(roomMiB(types, memory.driverMemory) / containerMiB(memory)));
};

/** Why an executor would never start on these types, with the most that would; undefined when it does. */
export const memoryProblem = (types: readonly string[], memory: ExecutorMemory): string | undefined => {
  if (executorsPerNode(types, memory) >= 1) return undefined;
  const { executorMemory, executorMemoryOverhead, driverMemory } = memory;
  const room = roomMiB(types, driverMemory);
  const most = room - toMiB(executorMemoryOverhead);
  const remedy =
    most >= stepMiB
      ? `the most with that overhead is executorMemory ${toSize(most)}`
      : `the two together may have ${toSize(Math.max(0, room))}`;
  return (
    `cluster.executorMemory: ${executorMemory} and ${executorMemoryOverhead} of executorMemoryOverhead do not fit a node of ` +
    `${types.join(" or ")}: YARN has ${toSize(Math.min(...types.map(yarnMemoryOf)))} of it, and the driver takes ` +
    `${driverMemory} + ${driverMemoryOverhead}; ${remedy}`
  );
};
