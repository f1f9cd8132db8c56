import { clusterDefaults as accepted } from "../lambdas/shared/cluster-defaults.ts";
import { type Config, ConfigInvalid } from "./config.ts";
import type { EmrSecurityGroups } from "./constructs/network.ts";

interface Placement {
  readonly subnetIds: readonly string[];
  readonly securityGroups: EmrSecurityGroups;
}

/**
 * What Preflight's planner starts from: the cluster's knobs and its place. A knob that was not set is left out.
 *
 * @throws ConfigInvalid naming every knob that the planner would refuse, such as a type without a price
 */
export const clusterDefaults = (config: Config, placement: Placement) => {
  const defaults = withPlace(config, placement);
  const { error } = accepted.safeParse(defaults);
  if (!error) return defaults;
  const problems = error.issues.map(({ path, message }) => `  ${path.join(".")}: ${message}`);
  throw new ConfigInvalid(`The cluster's configuration is wrong:\n${problems.join("\n")}`);
};

const withPlace = (config: Config, { subnetIds, securityGroups }: Placement) => ({
  releaseLabel: config.releaseLabel,
  architecture: config.architecture,
  primaryTypes: config.primaryTypes,
  coreTypes: config.coreTypes,
  coreCount: config.coreCount,
  maxCoreCount: config.maxCoreCount,
  market: config.market,
  executorMemory: config.executorMemory,
  executorMemoryOverhead: config.executorMemoryOverhead,
  driverMemory: config.driverMemory,
  ebsGiB: config.ebsGiB,
  idleTimeoutMinutes: config.idleTimeoutMinutes,
  deadlineMinutes: config.deadlineMinutes,
  jupyterHub: config.jupyterHub,
  pcaComponents: config.pcaComponents,
  subnetIds,
  securityGroups,
  keyPair: config.keyPair,
});
