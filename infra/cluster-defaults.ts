import type { Config } from "./config.ts";
import type { EmrSecurityGroups } from "./constructs/network.ts";

interface Placement {
  readonly subnetIds: readonly string[];
  readonly securityGroups: EmrSecurityGroups;
}

/** What Preflight's planner starts from: the cluster's knobs and its place. A knob that was not set is left out. */
export const clusterDefaults = (config: Config, { subnetIds, securityGroups }: Placement) => ({
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
  jupyterHub: config.jupyterHub,
  pcaComponents: config.pcaComponents,
  subnetIds,
  securityGroups,
  keyPair: config.keyPair,
});
