import { pricesRegion } from "../../lambdas/catalog/prices.ts";
import { clusterDefaultsSchema as accepted, type ClusterDefaults } from "../../lambdas/contract/cluster-knobs.ts";
import { planCluster } from "../../lambdas/planning/planner.ts";
import type { EmrSecurityGroups } from "../constructs/network.ts";
import { type Config, ConfigInvalid } from "./config.ts";

interface Placement {
  readonly subnetIds: readonly string[];
  readonly securityGroups: EmrSecurityGroups;
}

/** Any run's: whether executors fit does not depend on it. */
const anyWork = { images: 1, newImages: 1, steps: { inventory: true, features: true, reduction: true, any: true } };

/** What the planner would tell each run that sets nothing itself. */
function planProblems(defaults: ClusterDefaults): readonly string[] {
  return planCluster({
    runId: "synth",
    bucket: "synth",
    work: anyWork,
    overrides: {},
    defaults,
    maxCostUsd: Number.POSITIVE_INFINITY,
    keepMinutes: 0,
    region: pricesRegion,
  }).problems.map((problem) => problem.replace(/^cluster\./, ""));
}

/**
 * What Preflight's planner starts from: the cluster's knobs, which have the same names there, and its place.
 *
 * @throws ConfigInvalid naming every knob that the planner would refuse, such as a type without a price, or memory that
 *   no node has
 */
export function clusterDefaults(config: Config, placement: Placement): ClusterDefaults {
  const { data, error } = accepted.safeParse({ ...config, ...placement });
  const problems = data ? planProblems(data) : error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  if (data && problems.length === 0) return data;
  throw new ConfigInvalid(`The cluster's configuration is wrong:\n${problems.map((line) => `  ${line}`).join("\n")}`);
}
