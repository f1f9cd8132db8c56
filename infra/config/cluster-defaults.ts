import { pricesRegion } from "../../lambdas/catalog/prices.ts";
import { type ClusterDefaults, clusterDefaultsSchema } from "../../lambdas/contract/cluster-knobs.ts";
import { defaultMaxMegapixels } from "../../lambdas/contract/input.ts";
import { planCluster } from "../../lambdas/planning/planner.ts";
import type { EmrSecurityGroups } from "../constructs/network.ts";
import { ConfigInvalid } from "./config.ts";
import type { Config } from "./knobs.ts";

interface Placement {
  readonly subnetIds: readonly string[];
  readonly securityGroups: EmrSecurityGroups;
}

/** Any work will do, because the work of a run does not decide whether executors fit. */
const anyWork = { images: 1, newImages: 1, steps: { inventory: true, features: true, reduction: true, any: true } };

/** Problems that the planner would report for every run whose input sets no cluster. */
function planProblems(defaults: ClusterDefaults): readonly string[] {
  return planCluster({
    runId: "synth",
    bucket: "synth",
    work: anyWork,
    maxMegapixels: defaultMaxMegapixels,
    overrides: {},
    defaults,
    maxCostUsd: Number.POSITIVE_INFINITY,
    keepMinutes: 0,
    region: pricesRegion,
  }).problems.map((problem) => problem.replace(/^cluster\./, ""));
}

/**
 * Checks and returns the settings from which the planner starts: the cluster knobs and the network.
 *
 * @throws ConfigInvalid with every knob that the planner would refuse, such as a type without a price or more memory
 *   than a node has
 */
export function clusterDefaults(config: Config, placement: Placement): ClusterDefaults {
  const { data, error } = clusterDefaultsSchema.safeParse({ ...config, ...placement });
  const problems = data ? planProblems(data) : error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  if (data && problems.length === 0) return data;
  throw new ConfigInvalid(`The cluster's configuration is wrong:\n${problems.map((line) => `  ${line}`).join("\n")}`);
}
