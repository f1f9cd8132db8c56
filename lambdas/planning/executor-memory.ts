import { instanceType } from "../catalog/instance-types.ts";

/** A worker's Python processes share its executor's overhead: more cores than these would want too much of it. */
export const executorCores = 4;

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
export function yarnMemoryOf(type: string): number {
  const { memoryGiB } = instanceType(type);
  const found = yarnMemoryMiB[memoryGiB];
  if (found === undefined) throw new Error(`What YARN has of ${memoryGiB} GiB (${type}) is not known`);
  return found;
}

/** A size as Spark takes it ("6g", "512m"), in MiB. */
export function toMiB(size: string): number {
  return Number(size.slice(0, -1)) * (size.endsWith("g") ? 1024 : 1);
}

function toSize(mebibytes: number): string {
  return mebibytes % 1024 === 0 ? `${mebibytes / 1024}g` : `${mebibytes}m`;
}

/** YARN rounds a container up to its smallest allocation; multiples of this are safe. */
const stepMiB = 256;
function roundedDown(mebibytes: number): number {
  return Math.floor(mebibytes / stepMiB) * stepMiB;
}

export interface ExecutorMemory {
  /** As spark.executor.memory takes it: 6g. */
  readonly executorMemory: string;
  readonly executorMemoryOverhead: string;
  /** As spark.driver.memory takes it. */
  readonly driverMemory: string;
  readonly driverMemoryOverhead: string;
}

/** The parts that somebody has set. */
export type GivenMemory = { readonly [Key in keyof ExecutorMemory]?: string | undefined };

/** EMR's own default. */
const defaultDriverMemory = "2g";
/** The driver's Python sums the partitions' Gramians, 13 MB each, beside the JVM. */
const defaultDriverMemoryOverhead = "2g";

type DriverMemory = Pick<ExecutorMemory, "driverMemory" | "driverMemoryOverhead">;

/** The driver may be on any node, so every node leaves it room: what is left for executors, below 0 when it has none. */
function roomMiB(types: readonly string[], { driverMemory, driverMemoryOverhead }: DriverMemory): number {
  return Math.min(...types.map(yarnMemoryOf)) - toMiB(driverMemory) - toMiB(driverMemoryOverhead);
}

/**
 * Memory of executors of four cores that fill a node of any of these types, a third of it outside the JVM's heap for
 * Python; what is given stays.
 */
export function deriveMemory(types: readonly string[], given: GivenMemory): ExecutorMemory {
  const driver = {
    driverMemory: given.driverMemory ?? defaultDriverMemory,
    driverMemoryOverhead: given.driverMemoryOverhead ?? defaultDriverMemoryOverhead,
  };
  const executors = Math.min(...types.map((type) => instanceType(type).vcpus)) / executorCores;
  const container = roundedDown(roomMiB(types, driver) / executors);
  // At least a little of each: what does not fit is told by memoryProblem.
  const third = Math.max(stepMiB, roundedDown(container / 3));
  const overhead = given.executorMemoryOverhead ? toMiB(given.executorMemoryOverhead) : third;
  const heap = Math.max(stepMiB, container - overhead);
  return {
    executorMemory: given.executorMemory ?? toSize(heap),
    executorMemoryOverhead: given.executorMemoryOverhead ?? toSize(overhead),
    ...driver,
  };
}

function containerMiB(memory: ExecutorMemory): number {
  return toMiB(memory.executorMemory) + toMiB(memory.executorMemoryOverhead);
}

/** How many executors run on each node of these types; 0 when none fits. */
export function executorsPerNode(types: readonly string[], memory: ExecutorMemory): number {
  const vcpus = Math.min(...types.map((type) => instanceType(type).vcpus));
  const fitting = Math.floor(roomMiB(types, memory) / containerMiB(memory));
  return Math.max(0, Math.min(vcpus / executorCores, fitting));
}

/** Why an executor would never start on these types, with the most that would; undefined when it does. */
export function memoryProblem(types: readonly string[], memory: ExecutorMemory): string | undefined {
  if (executorsPerNode(types, memory) >= 1) return undefined;
  const { executorMemory, executorMemoryOverhead, driverMemory, driverMemoryOverhead } = memory;
  const node = `a node of ${types.join(" or ")}: YARN has ${toSize(Math.min(...types.map(yarnMemoryOf)))} of it`;
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
