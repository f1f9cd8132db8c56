import type { Architecture } from "../catalog/architectures.ts";
import { instanceType } from "../catalog/instance-types.ts";
import type { Precision } from "../contract/choices.ts";
import type { ClusterDefaults } from "../contract/cluster-knobs.ts";
import type { ExecutionInput } from "../contract/input.ts";
import { type ClusterShape, workersOf } from "./cluster-shape.ts";

/**
 * Fleets of interchangeable instance types, smallest size first: EC2 provides a type that it has capacity for. The types of
 * a fleet have the same number of cores, because the quote assumes the slowest.
 */
const fleets: Readonly<Record<Architecture, readonly (readonly string[])[]>> = {
  x86_64: [
    ["m5.xlarge", "m6i.xlarge", "m5a.xlarge"],
    ["m5.2xlarge", "m6i.2xlarge", "m5a.2xlarge"],
    ["m7a.2xlarge", "c7a.2xlarge"],
  ],
  arm64: [
    ["m7g.xlarge", "m8g.xlarge"],
    ["m7g.2xlarge", "m8g.2xlarge"],
  ],
};

/** Fleets for bf16 beside those above. In float32, m5 has as many cores for less money. */
const moreForBf16 = [["m7i.xlarge"], ["m7i.2xlarge", "c7i.2xlarge"]] as const;

/** The nodes of a cluster: its shape without the division of the nodes' memory. */
export type Nodes = Pick<ClusterShape, "primaryTypes" | "coreTypes" | "coreCount" | "maxCoreCount">;

/** The choices of a person and of the deployment that limit the nodes. */
export interface NodeChoices {
  readonly overrides: NonNullable<ExecutionInput["cluster"]>;
  readonly defaults: ClusterDefaults;
}

function listOf(type: string | undefined): readonly string[] | undefined {
  return type === undefined ? undefined : [type];
}

/** The whole numbers from one to another. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** Whether the job can compute in a precision on every one of these types: EC2 may provide any of them. */
export function canCompute(types: readonly string[], precision: Precision): boolean {
  return precision === "float32" || types.every((type) => instanceType(type).computesBf16);
}

/** Lists all nodes that the configuration and the overrides allow, and on which the job can compute in the precision. */
export function listNodes({ overrides, defaults }: NodeChoices, precision: Precision): readonly Nodes[] {
  const { architecture } = defaults;
  const ownFleets = fleets[architecture];
  const alike = precision === "bf16" && architecture === "x86_64" ? [...ownFleets, ...moreForBf16] : ownFleets;
  const smallest = alike[0] ?? [];
  const primary = listOf(overrides.primaryType) ?? defaults.primaryTypes;
  const core = listOf(overrides.coreType) ?? defaults.coreTypes;
  const coreCount = overrides.coreCount ?? defaults.coreCount;
  const counts = coreCount === undefined ? range(1, defaults.maxCoreCount) : coreCount > 0 ? [coreCount] : [];
  // Naming a core type implies at least one core node.
  const mayBeOneNode = coreCount === 0 || (coreCount === undefined && core === undefined);
  const all: Nodes[] = [
    ...(mayBeOneNode ? (primary ? [primary] : alike) : []).map((types) => ({
      primaryTypes: types,
      coreTypes: [],
      coreCount: 0,
      maxCoreCount: 0,
    })),
    ...(core ? [core] : alike).flatMap((coreTypes) =>
      counts.map((count) => ({
        primaryTypes: primary ?? smallest,
        coreTypes,
        coreCount: count,
        maxCoreCount: Math.max(count, defaults.maxCoreCount),
      })),
    ),
  ];
  return all.filter((nodes) => canCompute(workersOf(nodes).types, precision));
}

/** Explains why a type does not fit the deployment's architecture; undefined if it does. */
export function architectureProblem(key: string, type: string | undefined, wanted: Architecture): string | undefined {
  if (type === undefined || instanceType(type).architecture === wanted) return undefined;
  const other = fleets[wanted].map(([first]) => JSON.stringify(first)).join(" or ");
  return (
    `cluster.${key}: ${type} is ${instanceType(type).architecture}, and the stack's clusters are ${wanted}: the wheels on S3 are ` +
    `built for that. Take ${other}, or deploy with architecture ${instanceType(type).architecture}`
  );
}
