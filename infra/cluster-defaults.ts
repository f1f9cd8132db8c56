import { clusterDefaults as accepted, type ClusterDefaults } from "../lambdas/shared/cluster-defaults.ts";
import { type Config, ConfigInvalid } from "./config.ts";
import type { EmrSecurityGroups } from "./constructs/network.ts";

interface Placement {
  readonly subnetIds: readonly string[];
  readonly securityGroups: EmrSecurityGroups;
}

/**
 * What Preflight's planner starts from: the cluster's knobs, which have the same names there, and its place.
 *
 * @throws ConfigInvalid naming every knob that the planner would refuse, such as a type without a price
 */
export const clusterDefaults = (config: Config, placement: Placement): ClusterDefaults => {
  const { data, error } = accepted.safeParse({ ...config, ...placement });
  if (data) return data;
  const problems = error.issues.map(({ path, message }) => `  ${path.join(".")}: ${message}`);
  throw new ConfigInvalid(`The cluster's configuration is wrong:\n${problems.join("\n")}`);
};
