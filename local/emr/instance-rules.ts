/** The members of a request's Instances that the rules use; the service model has checked their types. */
export interface Instances {
  readonly KeepJobFlowAliveWhenNoSteps?: boolean;
  readonly TerminationProtected?: boolean;
  readonly InstanceGroups?: readonly InstanceGroup[];
  readonly InstanceFleets?: readonly InstanceFleet[];
  readonly InstanceCount?: number;
  readonly MasterInstanceType?: string;
  readonly SlaveInstanceType?: string;
  readonly Ec2SubnetId?: string;
  readonly Ec2SubnetIds?: readonly string[];
  readonly EmrManagedMasterSecurityGroup?: string;
  readonly EmrManagedSlaveSecurityGroup?: string;
  readonly ServiceAccessSecurityGroup?: string;
  readonly [other: string]: unknown;
}

interface Ebs {
  readonly EbsBlockDeviceConfigs?: readonly {
    readonly VolumeSpecification: {
      readonly VolumeType: string;
      readonly SizeInGB: number;
      readonly Throughput?: number;
    };
    readonly VolumesPerInstance?: number;
  }[];
}

export interface InstanceGroup {
  readonly Name?: string;
  readonly InstanceRole: string;
  readonly InstanceType: string;
  readonly InstanceCount: number;
  readonly Market?: string;
  readonly EbsConfiguration?: Ebs;
}

export interface InstanceFleet {
  readonly Name?: string;
  readonly InstanceFleetType: string;
  readonly TargetOnDemandCapacity?: number;
  readonly TargetSpotCapacity?: number;
  readonly InstanceTypeConfigs?: readonly {
    readonly InstanceType: string;
    readonly WeightedCapacity?: number;
    readonly BidPrice?: string;
    readonly BidPriceAsPercentageOfOnDemandPrice?: number;
    readonly EbsConfiguration?: Ebs;
  }[];
  readonly LaunchSpecifications?: {
    readonly SpotSpecification?: {
      readonly TimeoutDurationMinutes: number;
      readonly TimeoutAction: string;
      readonly BlockDurationMinutes?: number;
      readonly AllocationStrategy?: string;
    };
    readonly OnDemandSpecification?: { readonly AllocationStrategy: string };
  };
}

export interface ManagedScalingPolicy {
  readonly ComputeLimits?: {
    readonly UnitType: string;
    readonly MinimumCapacityUnits: number;
    readonly MaximumCapacityUnits: number;
    readonly MaximumOnDemandCapacityUnits?: number;
    readonly MaximumCoreCapacityUnits?: number;
  };
}

const instanceTypePattern = /^[a-z][a-z0-9-]*\.(?:\d*x?large|metal(?:-\d+xl)?|medium|small|micro|nano)$/;

/** Yields the errors of Instances that EMR refuses although its service model allows them. */
export function* instanceErrors(instances: Instances): Generator<string> {
  const { InstanceGroups: groups, InstanceFleets: fleets, Ec2SubnetIds: subnets = [] } = instances;
  // API reference, JobFlowInstancesConfig: "must contain either InstanceGroups or InstanceFleets. They cannot be used
  // together. You may also have MasterInstanceType, SlaveInstanceType, and InstanceCount".
  const forms = [groups, fleets, instances.InstanceCount].filter((form) => form !== undefined).length;
  if (forms > 1) {
    yield "Instance fleets and instance groups are mutually exclusive, and an instance count excludes both.";
  } else if (forms === 0) {
    yield "Must specify either instance groups, instance fleets or an instance count.";
  }
  // JobFlowInstancesConfig: Ec2SubnetId "applies to clusters that use the uniform instance group configuration", Ec2SubnetIds to fleets.
  if (instances.Ec2SubnetId !== undefined && subnets.length > 0) {
    yield "Specify at most one of Ec2SubnetId and Ec2SubnetIds.";
  }
  if (subnets.length > 1 && fleets === undefined) {
    yield "Only instance fleets can have several subnets.";
  }
  // JobFlowInstancesConfig: "If you specify EmrManagedMasterSecurityGroup, you must also specify EmrManagedSlaveSecurityGroup", and
  // management guide, "Amazon EMR-managed security groups": a service access group needs custom groups for the nodes.
  const { EmrManagedMasterSecurityGroup: primary, EmrManagedSlaveSecurityGroup: workers } = instances;
  if ((primary === undefined) !== (workers === undefined)) {
    yield "EmrManagedMasterSecurityGroup and EmrManagedSlaveSecurityGroup must be specified together.";
  }
  if (instances.ServiceAccessSecurityGroup !== undefined && primary === undefined) {
    yield "ServiceAccessSecurityGroup needs EmrManagedMasterSecurityGroup and EmrManagedSlaveSecurityGroup.";
  }
  const roles = groups?.map(({ InstanceRole: role }) => role) ?? fleets?.map(({ InstanceFleetType: role }) => role);
  yield* roleErrors(roles ?? ["MASTER"], fleets === undefined ? "instance group" : "instance fleet");
  for (const group of groups ?? []) {
    yield* volumeErrors(group.EbsConfiguration);
    // Management guide, "High availability": three primary nodes, or one.
    if (group.InstanceRole === "MASTER" && group.InstanceCount !== 1 && group.InstanceCount !== 3) {
      yield "The master instance group must have 1 or 3 instances.";
    }
  }
  for (const fleet of fleets ?? []) {
    yield* fleetErrors(fleet, fleets ?? []);
  }
  const simple = [instances.MasterInstanceType, instances.SlaveInstanceType].filter((type) => type !== undefined);
  const types = [
    ...simple,
    ...(groups ?? []).map(({ InstanceType: type }) => type),
    ...(fleets ?? []).flatMap(({ InstanceTypeConfigs: configs = [] }) => configs.map(({ InstanceType: type }) => type)),
  ];
  for (const type of types.filter((name) => !instanceTypePattern.test(name))) {
    yield `InstanceType '${type}' is not supported.`;
  }
}

/** Management guide, "Understand node types": one primary node, which can be the only one; task nodes need core nodes. */
function* roleErrors(roles: readonly string[], kind: string): Generator<string> {
  const count = (role: string) => roles.filter((other) => other === role).length;
  if (count("MASTER") !== 1) {
    yield `Must have exactly one MASTER ${kind}.`;
  }
  // API reference, InstanceFleetConfig: "one each for MASTER, CORE, and TASK"; only TASK may have several groups.
  if (count("CORE") > 1 || (kind === "instance fleet" && count("TASK") > 1)) {
    yield `Must have at most one CORE ${kind}${kind === "instance fleet" ? " and one TASK instance fleet" : ""}.`;
  }
  if (count("TASK") > 0 && count("CORE") === 0) {
    yield `A TASK ${kind} needs a CORE ${kind}.`;
  }
}

function* fleetErrors(fleet: InstanceFleet, all: readonly InstanceFleet[]): Generator<string> {
  const { InstanceFleetType: role, InstanceTypeConfigs: configs = [] } = fleet;
  const { TargetOnDemandCapacity: onDemand = 0, TargetSpotCapacity: spot = 0 } = fleet;
  // API reference, InstanceFleetConfig: "At least one of TargetSpotCapacity and TargetOnDemandCapacity should be greater
  // than 0. For a master instance fleet, only one of [them] can be specified, and its value must be 1."
  if (onDemand + spot < 1) {
    yield `The ${role} instance fleet needs a TargetOnDemandCapacity or a TargetSpotCapacity greater than 0.`;
  }
  if (role === "MASTER" && onDemand + spot !== 1) {
    yield "The MASTER instance fleet must have a target capacity of 1, on demand or Spot.";
  }
  if (configs.length === 0) {
    yield `The ${role} instance fleet needs instance types.`;
  }
  // API reference, InstanceTypeConfig: "maximum of 30 instance type configurations" with an allocation strategy, five
  // without. github.com/hashicorp/terraform-provider-aws/issues/25132: every fleet of the cluster must then have a strategy.
  if (configs.length > (all.every(hasStrategy) ? 30 : 5)) {
    yield `The ${role} instance fleet has ${configs.length} instance types: at most 5, or 30 with an allocation strategy in every fleet.`;
  }
  if (new Set(configs.map(({ InstanceType: type }) => type)).size < configs.length) {
    yield `The ${role} instance fleet has an instance type twice.`;
  }
  for (const { InstanceType: type, WeightedCapacity: weight = 1, ...config } of configs) {
    // API reference, InstanceTypeConfig, WeightedCapacity: 1 for a master fleet, "1 or greater" for the others.
    if (role === "MASTER" ? weight !== 1 : weight < 1) {
      yield `WeightedCapacity of ${type} in the ${role} instance fleet must be ${role === "MASTER" ? "1" : "1 or greater"}.`;
    }
    // github.com/hashicorp/terraform-provider-aws/issues/22792
    if (config.BidPrice !== undefined && config.BidPriceAsPercentageOfOnDemandPrice !== undefined) {
      yield "Specify at most one of bidPrice or bidPriceAsPercentageOfOnDemandPrice value for the Spot Instance fleet.";
    }
    yield* volumeErrors(config.EbsConfiguration);
  }
  const specification = fleet.LaunchSpecifications?.SpotSpecification;
  // API reference, SpotProvisioningSpecification: "Minimum value is 5 and maximum value is 1440"; AWS no longer offers blocks.
  const minutes = specification?.TimeoutDurationMinutes ?? 5;
  if (minutes < 5 || minutes > 1440) {
    yield "TimeoutDurationMinutes of the Spot specification must be between 5 and 1440.";
  }
  if (specification?.BlockDurationMinutes !== undefined) {
    yield "Spot Instances with a defined duration are no longer available.";
  }
}

/** Tells whether a fleet has an allocation strategy for each market that it uses. */
function hasStrategy(fleet: InstanceFleet): boolean {
  const { SpotSpecification: spot, OnDemandSpecification: onDemand } = fleet.LaunchSpecifications ?? {};
  return (
    (!fleet.TargetSpotCapacity || spot?.AllocationStrategy !== undefined) &&
    (!fleet.TargetOnDemandCapacity || onDemand?.AllocationStrategy !== undefined)
  );
}

/** API reference, VolumeSpecification. */
function* volumeErrors(ebs: Ebs | undefined): Generator<string> {
  for (const { VolumeSpecification: volume } of ebs?.EbsBlockDeviceConfigs ?? []) {
    const { VolumeType: type, SizeInGB: gibibytes, Throughput: throughput } = volume;
    if (!["gp3", "gp2", "io1", "st1", "sc1", "standard"].includes(type)) {
      yield `The volume type '${type}' is not supported.`;
    }
    if (gibibytes < 1 || gibibytes > 1024) {
      yield "SizeInGB must be between 1 and 1024.";
    }
    if (throughput !== undefined && (type !== "gp3" || throughput < 125 || throughput > 1000)) {
      yield "Only gp3 volumes have a Throughput, from 125 to 1000 MiB/s.";
    }
  }
}

/**
 * Yields the reasons why a limit of on-demand capacity contradicts the core fleet. EMR accepts such a policy. API reference,
 * SpotProvisioningSpecification: with SWITCH_TO_ON_DEMAND, "if no Spot instances are available, On-Demand Instances should
 * be provisioned to fulfill any remaining Spot capacity", which the limit then excludes.
 */
function* spotErrors(mostOnDemand: number, core: InstanceFleet | undefined): Generator<string> {
  const {
    TargetOnDemandCapacity: onDemand = 0,
    TargetSpotCapacity: spot = 0,
    LaunchSpecifications: launch,
  } = core ?? {};
  const maySwitch = spot > 0 && launch?.SpotSpecification?.TimeoutAction === "SWITCH_TO_ON_DEMAND";
  const needed = onDemand + (maySwitch ? spot : 0);
  if (mostOnDemand < needed) {
    yield `MaximumOnDemandCapacityUnits ${mostOnDemand} contradicts the CORE instance fleet, whose on-demand capacity may be ${needed}${maySwitch ? " by SWITCH_TO_ON_DEMAND" : ""}: raise it.`;
  }
}

/**
 * Yields the errors of a managed scaling policy. Management guide, "Using managed scaling in Amazon EMR" and "Node
 * allocation strategy and scenarios". EMR's answer to a policy for a lone primary node is undocumented and not imitated.
 */
export function* scalingErrors(policy: ManagedScalingPolicy, instances: Instances): Generator<string> {
  const limits = policy.ComputeLimits;
  if (limits === undefined) {
    yield "Invalid configuration for managed scaling. ComputeLimits is required.";
    return;
  }
  const { UnitType: unit, MinimumCapacityUnits: minimum, MaximumCapacityUnits: maximum } = limits;
  const { MaximumOnDemandCapacityUnits: onDemand = maximum, MaximumCoreCapacityUnits: core = maximum } = limits;
  const { InstanceFleets: fleets, InstanceGroups: groups } = instances;
  const invalid = (reason: string) => `Invalid configuration for managed scaling. ${reason}`;
  if ((unit === "InstanceFleetUnits") !== (fleets !== undefined)) {
    yield invalid("Clusters with instance fleets, and no others, must have the UnitType InstanceFleetUnits.");
  }
  if (minimum < 1 || minimum > maximum) {
    yield invalid("The min capacity must be at least 1 and cannot be higher than max capacity");
  }
  if (onDemand < 0 || onDemand > maximum) {
    yield invalid("The max On-Demand capacity cannot be higher than max capacity");
  }
  // Wording: github.com/gchq/sleeper/issues/6594
  if (core < 1 || core > maximum) {
    yield invalid("The max Core capacity cannot be higher than max capacity");
  }
  yield* spotErrors(
    onDemand,
    fleets?.find(({ InstanceFleetType: role }) => role === "CORE"),
  );
  // github.com/boto/boto3/issues/3963
  const coreGroup = groups?.find(({ InstanceRole: role }) => role === "CORE");
  if (coreGroup !== undefined && coreGroup.Market !== "SPOT" && core > onDemand) {
    yield invalid(
      "If you select On-Demand market type for core nodes in a cluster with instance groups, MaximumCoreCapacityUnits must be less than or equal to MaximumOnDemandCapacityUnits.",
    );
  }
}
