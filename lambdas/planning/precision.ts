import { instanceTypes } from "../catalog/instance-types.ts";
import type { Precision } from "../contract/choices.ts";
import type { ClusterPlan } from "../contract/cluster-plan.ts";
import { canCompute, listNodes, type NodeChoices } from "./candidate-nodes.ts";
import { shapeOf, workersOf } from "./cluster-shape.ts";

/**
 * Returns the precision that was asked for, or float32 if the executors cannot run on nodes that gain by it.
 *
 * @param created the plan of the kept cluster that the run reuses; undefined for a new cluster
 */
export function choosePrecision(wanted: Precision, created: ClusterPlan | undefined, choices: NodeChoices): Precision {
  if (wanted === "float32") return wanted;
  const isPossible = created
    ? canCompute(workersOf(shapeOf(created)).types, wanted)
    : listNodes(choices, wanted).length > 0;
  return isPossible ? wanted : "float32";
}

/** Says that a run takes float32 although bf16 was asked for. */
export function precisionWarnings(wanted: Precision, taken: Precision, cluster: ClusterPlan): readonly string[] {
  if (taken === wanted) return [];
  const { types } = workersOf(shapeOf(cluster));
  const able = Object.values(instanceTypes).flatMap(({ name, computesBf16 }) => (computesBf16 ? name : []));
  const families = [...new Set(able.map((name) => name.replace(/\..*/, "")))];
  return [
    `${wanted} gains nothing on ${types.join(" or ")}: the features are computed in float32, and go to its features store. ` +
      `Instance types that compute in ${wanted}: ${families.join(", ")}, of the architecture x86_64`,
  ];
}
