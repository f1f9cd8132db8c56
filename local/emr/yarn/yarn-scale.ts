import { totalmem } from "node:os";
import { instanceTypes } from "../../../lambdas/catalog/instance-types.ts";
import { plural } from "../../../shared/formatting.ts";

/**
 * Memory in MiB that a node really uses here: its NodeManager, and for each vCPU a Python worker with images and its share
 * of an executor's JVM. Sizes that Spark asks for are upper limits, which a JVM reaches only if it needs to.
 */
const nodeManagerMiB = 512;
const vcpuMiB = 512;
/** The rest is for the driver, the account and the person's programs. */
const usableShare = 0.75;

/** The part of a planned cluster that runs on this machine. */
export interface YarnScale {
  readonly type: string;
  /** Number of nodes with a NodeManager in the request. */
  readonly planned: number;
  /** Number of nodes with a NodeManager on this machine. */
  readonly nodes: number;
  /** Memory that each of them offers, as on EMR. */
  readonly memoryMiB: number;
  readonly vcpus: number;
  readonly machineMiB: number;
}

/** Scales a cluster down to the nodes that this machine's memory carries, at least one. */
export function scaleCluster(type: string, planned: number, machineMiB = Math.floor(totalmem() / 2 ** 20)): YarnScale {
  const { yarnMemoryMiB: memoryMiB, vcpus } = instanceTypes[type] ?? { yarnMemoryMiB: 12_288, vcpus: 4 };
  const carried = Math.floor((machineMiB * usableShare) / (nodeManagerMiB + vcpus * vcpuMiB));
  return { type, planned, nodes: Math.max(1, Math.min(planned, carried)), memoryMiB, vcpus, machineMiB };
}

/** States the scale, and by how much YARN's memory exceeds this machine's. */
export function describeScale({ type, planned, nodes, memoryMiB, machineMiB }: YarnScale): string {
  const total = nodes * memoryMiB;
  const reduced =
    nodes === planned ? "as planned" : `of ${planned} planned, a factor of ${(nodes / planned).toFixed(2)}`;
  return (
    `YARN: ${plural(nodes, "NodeManager")} (${reduced}), each with the ${memoryMiB} MiB of ${type} on EMR: ${total} MiB in all, ` +
    `${(total / machineMiB).toFixed(2)} times the ${machineMiB} MiB of this machine. Each container is limited to its own size.`
  );
}
