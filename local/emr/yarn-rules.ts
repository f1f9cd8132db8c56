import { instanceTypes } from "../../lambdas/catalog/instance-types.ts";
import type { Instances } from "./instance-rules.ts";
import { splitOption } from "./local-spark-submit.ts";

/** A member of the request's Configurations. */
export interface Configuration {
  readonly Classification?: string;
  readonly Properties?: Readonly<Record<string, string>>;
  readonly Configurations?: readonly Configuration[];
}

/** The properties of a classification, such as Spark's that the request sets for the whole cluster. */
export function propertiesOf(
  classification: string,
  configurations: readonly Configuration[] = [],
): Readonly<Record<string, string>> {
  return configurations.find(({ Classification: name }) => name === classification)?.Properties ?? {};
}

/** The nodes on which YARN runs containers, as the request describes them. */
interface YarnNodes {
  readonly types: readonly string[];
  readonly count: number;
}

/** Options of spark-submit that have no value. spark.apache.org/docs/3.5.6/submitting-applications.html */
const flags = ["--verbose", "-v", "--supervise", "--version", "--help", "-h"];

const unitsMiB: Readonly<Record<string, number>> = { m: 1, g: 1024, t: 1024 ** 2 };

/** yarn.scheduler.minimum-allocation-mb. Release guide, "Task configuration". */
const minimumAllocationMiB = 32;

/**
 * Yields the reasons why YARN could not start the driver and an executor of a spark-submit in cluster mode. EMR accepts such
 * a step, but Spark then refuses a container that is larger than a node, and waits forever for one that does not fit
 * beside the others. Sizes that the request leaves to EMR are not checked.
 */
export function* yarnErrors(
  args: readonly string[],
  instances: Instances,
  configurations: readonly Configuration[] = [],
): Generator<string> {
  const nodes = yarnNodes(instances);
  const sizes = nodes.types.flatMap((type) => instanceTypes[type]?.yarnMemoryMiB ?? []);
  const defaults = propertiesOf("spark-defaults", configurations);
  const settings = { ...defaults, ...submitSettings(args) };
  if (args[0] !== "spark-submit" || settings["spark.submit.deployMode"] !== "cluster" || sizes.length === 0) return;
  const node = Math.min(...sizes);
  const has = `YARN has ${node} MiB of a node of ${nodes.types.join(" or ")}`;
  const driver = containerMiB(settings, "driver");
  const executor = containerMiB(settings, "executor");
  for (const [role, size] of Object.entries({ driver, executor })) {
    if (size !== undefined && size > node)
      yield `the ${role} needs ${size} MiB, and ${has}: lower spark.${role}.memory.`;
  }
  if (driver !== undefined && executor !== undefined && nodes.count === 1 && driver + executor > node) {
    yield `the driver needs ${driver} MiB and an executor ${executor} MiB, and ${has}, the only one: the step would wait forever for an executor.`;
  }
}

/** Management guide, "Understand node types": YARN's NodeManager runs on core and task nodes, or on a lone primary. */
function yarnNodes(instances: Instances): YarnNodes {
  const { InstanceFleets: fleets, InstanceGroups: groups, InstanceCount: count = 0 } = instances;
  const pools = fleets?.map(({ InstanceFleetType: role, InstanceTypeConfigs: configs = [], ...capacity }) => {
    const units = (capacity.TargetOnDemandCapacity ?? 0) + (capacity.TargetSpotCapacity ?? 0);
    const largest = Math.max(1, ...configs.map(({ WeightedCapacity: weight = 1 }) => weight));
    return { role, types: configs.map(({ InstanceType: type }) => type), count: Math.ceil(units / largest) };
  }) ??
    groups?.map(({ InstanceRole: role, InstanceType: type, InstanceCount }) => ({
      role,
      types: [type],
      count: InstanceCount,
    })) ?? [
      { role: "MASTER", types: [instances.MasterInstanceType ?? ""], count: 1 },
      { role: "CORE", types: [instances.SlaveInstanceType ?? ""], count: Math.max(0, count - 1) },
    ];
  const workers = pools.filter((pool) => pool.role !== "MASTER" && pool.count > 0);
  const running = workers.length > 0 ? workers : pools;
  return {
    types: running.flatMap(({ types }) => types),
    count: running.reduce((sum, pool) => sum + pool.count, 0),
  };
}

/** Reads Spark's properties from the options of spark-submit, which end with the application's file. */
function submitSettings(args: readonly string[]): Readonly<Record<string, string>> {
  const aliases: Readonly<Record<string, string>> = {
    "--deploy-mode": "spark.submit.deployMode",
    "--driver-memory": "spark.driver.memory",
    "--executor-memory": "spark.executor.memory",
  };
  const settings: Record<string, string> = {};
  for (let index = 1; args[index]?.startsWith("-"); index += 1) {
    const [option, inline] = splitOption(args[index] ?? "");
    if (flags.includes(option)) continue;
    if (inline === undefined) index += 1;
    const value = inline ?? args[index] ?? "";
    const [key, setting = ""] = option === "--conf" || option === "-c" ? splitOption(value) : [aliases[option], value];
    if (key !== undefined) settings[key] = setting;
  }
  return settings;
}

/** Size of a container in MiB, or undefined if the heap is not given. spark.apache.org/docs/3.5.6/running-on-yarn.html */
function containerMiB(settings: Readonly<Record<string, string>>, role: "driver" | "executor"): number | undefined {
  const heap = toMiB(settings[`spark.${role}.memory`]);
  if (heap === undefined) return undefined;
  // Spark's default overhead: a tenth of the heap, at least 384 MiB.
  const overhead = toMiB(settings[`spark.${role}.memoryOverhead`]) ?? Math.max(384, Math.floor(heap / 10));
  return Math.ceil((heap + overhead) / minimumAllocationMiB) * minimumAllocationMiB;
}

/** Converts a size in Spark's notation ("6g", "512m", "512"); undefined for another one. */
function toMiB(size = ""): number | undefined {
  const [, digits, unit = "m"] = /^(\d+)([mgt])?b?$/i.exec(size) ?? [];
  const factor = unitsMiB[unit.toLowerCase()];
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor;
}
