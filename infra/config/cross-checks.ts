import { euRegions, isInEu } from "../../lambdas/catalog/regions.ts";
import { maxExecutionHours } from "../../lambdas/contract/execution.ts";
import type { Config } from "./knobs.ts";

/**
 * Checks the knobs against each other and against the region.
 *
 * @returns one message for each problem, such as "coreCount: given 5; allowed: at most maxCoreCount, 4"
 */
export function findCrossProblems(config: Config, region: string | undefined): readonly string[] {
  return [
    ...regionProblems(config, region),
    ...clusterProblems(config),
    ...keepProblems(config),
    ...allOrNone(config, ["primarySecurityGroupId", "coreSecurityGroupId", "serviceAccessSecurityGroupId"]),
    ...allOrNone(config, ["scheduleExpression", "scheduleInput"]),
    ...allOrNone(config, ["emrServiceRoleArn", "emrInstanceProfileArn", "emrInstanceRoleArn"]),
    ...existingNetworkProblems(config),
    ...encryptionProblems(config),
    ...bf16Problems(config),
  ];
}

/** OpenVINO's wheels for Graviton need a newer glibc than the nodes have. */
function bf16Problems({ architecture, bf16WheelhouseFile }: Config): string[] {
  if (bf16WheelhouseFile === undefined || architecture === "x86_64") return [];
  return [`bf16WheelhouseFile: given "${bf16WheelhouseFile}"; allowed: none with architecture ${architecture}`];
}

/** Only a security configuration of the stack's own takes its settings from the knobs. */
function encryptionProblems({ encryptedVolumes, securityConfiguration }: Config): string[] {
  if (!encryptedVolumes || securityConfiguration === "own") return [];
  return [
    `encryptedVolumes: given true; allowed: false with securityConfiguration ${securityConfiguration}, or true with securityConfiguration own`,
  ];
}

function regionProblems(config: Config, region: string | undefined): string[] {
  const problems: string[] = [];
  if (region !== undefined && !isInEu(region) && !config.allowNonEuRegion) {
    problems.push(
      `allowNonEuRegion: given false, and the region is ${region}; allowed: true, or a region in the European Union (${euRegions.join(", ")})`,
    );
  }
  if (region === "us-west-1" && config.zoneCount > 2 && config.subnetIds === undefined) {
    problems.push(`zoneCount: given ${config.zoneCount}; allowed: at most 2, the number of zones in us-west-1`);
  }
  return problems;
}

/** Graviton types have a "g" after the generation (m6g, c7gd, r6g, x2gd, im4gn), except for a1. */
function isGraviton(type: string): boolean {
  return /^(a1|[a-z]+\d+[a-z]*g[a-z]*)\./.test(type);
}

function clusterProblems(config: Config): string[] {
  const problems: string[] = [];
  for (const knob of ["primaryTypes", "coreTypes"] as const) {
    const wrong = config[knob]?.filter((type) => isGraviton(type) !== (config.architecture === "arm64")) ?? [];
    if (wrong.length > 0) {
      problems.push(`${knob}: given ${wrong.join(",")}; allowed: types of the architecture ${config.architecture}`);
    }
  }
  if (config.coreCount !== undefined && config.coreCount > config.maxCoreCount) {
    problems.push(`coreCount: given ${config.coreCount}; allowed: at most maxCoreCount, ${config.maxCoreCount}`);
  }
  return problems;
}

/** The sweep must not terminate a cluster that is kept after the longest possible execution. */
function keepProblems({ maxClusterHours, maxKeepMinutes }: Config): string[] {
  const most = (maxClusterHours - maxExecutionHours) * 60;
  if (maxKeepMinutes <= most) return [];
  return [
    `maxKeepMinutes: given ${maxKeepMinutes}; allowed: at most ${most}, the time that maxClusterHours leaves after an execution of ${maxExecutionHours} hours`,
  ];
}

function allOrNone(config: Config, knobs: readonly (keyof Config)[]): string[] {
  const missing = knobs.filter((knob) => config[knob] === undefined);
  if (missing.length === 0 || missing.length === knobs.length) return [];
  return [`${missing.join(", ")}: not given; allowed: ${knobs.join(", ")} together, or none of them`];
}

function existingNetworkProblems(config: Config): string[] {
  const problems: string[] = [];
  const hasGroups = config.primarySecurityGroupId !== undefined;
  if (config.subnetIds !== undefined && config.vpcId === undefined && !hasGroups) {
    problems.push("vpcId: not given; allowed: the subnets' VPC, or the three security groups, with subnetIds");
  }
  for (const knob of ["vpcId", "primarySecurityGroupId"] as const) {
    if (config[knob] !== undefined && config.subnetIds === undefined) {
      problems.push(`subnetIds: not given; allowed: subnets of ${config[knob]}, with ${knob}`);
    }
  }
  for (const knob of ["nat", "ssmAccess"] as const) {
    if (config[knob] && config.subnetIds !== undefined) {
      problems.push(`${knob}: given true; allowed: false with subnetIds, whose VPC is not this stack's to change`);
    }
  }
  return problems;
}
