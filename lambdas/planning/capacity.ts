import type { Architecture } from "../catalog/architectures.ts";
import { instanceType } from "../catalog/instance-types.ts";
import { type ClusterShape, workersOf } from "./cluster-shape.ts";
import { executorCores, executorsPerNode } from "./executor-memory.ts";
import { type Outlook, rates } from "./rates.ts";

/** Counts the work that a cluster's executors can do at a time. */
export interface Capacity {
  /** Tasks that run at a time: one on each vCPU of the executors. */
  readonly tasks: number;
  /** Physical cores of the executors, less the share that the daemons of a single node use. */
  readonly cores: number;
  readonly architecture: Architecture;
}

function coresPerVcpu(type: string): number {
  const { cores, vcpus } = instanceType(type);
  return cores / vcpus;
}

/** The capacity of a cluster whose nodes are the slowest types of the fleet, because EC2 may provide any of them. */
export function capacityOf(shape: ClusterShape, outlook: Outlook = "value"): Capacity {
  const { types, count } = workersOf(shape);
  const [type = ""] = types;
  const tasks = count * executorsPerNode(types, shape) * executorCores;
  const share = shape.coreCount === 0 ? rates.oneNodeShare[outlook] : 1;
  return {
    tasks,
    cores: tasks * Math.min(...types.map(coresPerVcpu)) * share,
    architecture: instanceType(type).architecture,
  };
}
