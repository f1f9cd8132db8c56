import { describe, expect, it } from "vitest";
import { checkJobFlow, type JobFlowRequest } from "../../../local/emr/request-rules.ts";
import { bashStep, fleets, jobFlow } from "../account-fixtures.ts";

type Fleet = Readonly<Record<string, unknown>>;

const [primary = {}, core = {}]: readonly Fleet[] = fleets().InstanceFleets;
function withFleets(...InstanceFleets: readonly Fleet[]) {
  return { Instances: fleets({ InstanceFleets }) };
}
function types(...names: readonly string[]) {
  return names.map((InstanceType) => ({ InstanceType }));
}
function many(count: number) {
  return Array.from({ length: count }, (_, index) => `m${index}.xlarge`);
}
function limits(min: number, max: number, more: object = {}) {
  return {
    ComputeLimits: { MinimumCapacityUnits: min, MaximumCapacityUnits: max, UnitType: "InstanceFleetUnits", ...more },
  };
}
function scaled(min: number, max: number, more: object = {}) {
  return {
    Instances: fleets(),
    ManagedScalingPolicy: limits(min, max, more),
  };
}
function spot(more: object) {
  return {
    SpotSpecification: { TimeoutDurationMinutes: 10, TimeoutAction: "SWITCH_TO_ON_DEMAND", ...more },
  };
}
const strategy = { OnDemandSpecification: { AllocationStrategy: "lowest-price" } };
function volume(VolumeSpecification: object) {
  return {
    EbsConfiguration: { EbsBlockDeviceConfigs: [{ VolumeSpecification, VolumesPerInstance: 1 }] },
  };
}
function check(change: object) {
  return () => checkJobFlow(jobFlow("rules", change) as JobFlowRequest);
}

describe("the rules for RunJobFlow", () => {
  it.each<[string, object]>([
    ["instance groups", {}],
    ["fleets", withFleets(primary, core)],
    ["a lone primary node", withFleets(primary)],
    [
      "a lone primary node of a group",
      { Instances: { InstanceGroups: jobFlow("").Instances.InstanceGroups.slice(0, 1) } },
    ],
    ["several subnets for fleets", { Instances: fleets({ Ec2SubnetIds: ["subnet-a", "subnet-b"] }) }],
    ["managed scaling of fleets", scaled(2, 4, { MaximumCoreCapacityUnits: 2, MaximumOnDemandCapacityUnits: 3 })],
    ["JupyterHub, in any case", { Applications: [{ Name: "Hadoop" }, { Name: "spark" }, { Name: "JupyterHub" }] }],
    [
      "thirty types with an allocation strategy in every fleet",
      withFleets(
        { ...primary, LaunchSpecifications: strategy },
        {
          ...core,
          InstanceTypeConfigs: types(...many(30)),
          LaunchSpecifications: { ...strategy, ...spot({ AllocationStrategy: "price-capacity-optimized" }) },
        },
      ),
    ],
  ])("accept %s", (_case, change) => {
    expect(check(change)).not.toThrow();
  });

  it.each<[string, object, RegExp]>([
    ["an unknown release", { ReleaseLabel: "emr-7.99.0" }, /release label is invalid/],
    ["an unknown application", { Applications: [{ Name: "Sparkle" }] }, /Sparkle is not supported/],
    ["a step concurrency of 0", { StepConcurrencyLevel: 0 }, /between 1 and 256/],
    ["a step concurrency of 2", { StepConcurrencyLevel: 2 }, /runs one step at a time/],
    ["CANCEL_AND_WAIT", { Steps: [{ ...bashStep("s", ""), ActionOnFailure: "CANCEL_AND_WAIT" }] }, /CONTINUE and/],
    ["no instances", { Instances: {} }, /Must specify/],
    ["fleets beside groups", { Instances: { ...jobFlow("").Instances, ...fleets() } }, /mutually exclusive/],
    ["both forms of a subnet", { Instances: fleets({ Ec2SubnetId: "a", Ec2SubnetIds: ["a"] }) }, /at most one/],
    [
      "several subnets for groups",
      { Instances: { ...jobFlow("").Instances, Ec2SubnetIds: ["a", "b"] } },
      /Only instance fleets/,
    ],
    ["one of two security groups", { Instances: fleets({ EmrManagedMasterSecurityGroup: "sg-1" }) }, /together/],
    ["a service access group alone", { Instances: fleets({ ServiceAccessSecurityGroup: "sg-1" }) }, /ServiceAccess/],
    ["no primary", withFleets(core), /exactly one MASTER/],
    ["two core fleets", withFleets(primary, core, core), /at most one CORE/],
    ["tasks without core", withFleets(primary, { ...core, InstanceFleetType: "TASK" }), /TASK instance fleet needs/],
    ["two primary units", withFleets({ ...primary, TargetOnDemandCapacity: 2 }), /target capacity of 1/],
    [
      "no capacity",
      withFleets(primary, { ...core, TargetOnDemandCapacity: 0, TargetSpotCapacity: 0 }),
      /greater than 0/,
    ],
    ["no types", withFleets(primary, { ...core, InstanceTypeConfigs: [] }), /needs instance types/],
    ["six types", withFleets(primary, { ...core, InstanceTypeConfigs: types(...many(6)) }), /at most 5/],
    [
      "six types where only one fleet has a strategy",
      withFleets(primary, {
        ...core,
        InstanceTypeConfigs: types(...many(6)),
        LaunchSpecifications: { ...strategy, ...spot({ AllocationStrategy: "lowest-price" }) },
      }),
      /at most 5/,
    ],
    ["a type twice", withFleets(primary, { ...core, InstanceTypeConfigs: types("m5.xlarge", "m5.xlarge") }), /twice/],
    ["an invalid type", withFleets(primary, { ...core, InstanceTypeConfigs: types("large") }), /not supported/],
    [
      "a primary node of weight 2",
      withFleets({ ...primary, InstanceTypeConfigs: [{ InstanceType: "m5.xlarge", WeightedCapacity: 2 }] }),
      /must be 1/,
    ],
    [
      "a weight of 0",
      withFleets(primary, { ...core, InstanceTypeConfigs: [{ InstanceType: "m5.xlarge", WeightedCapacity: 0 }] }),
      /must be 1 or greater/,
    ],
    [
      "two kinds of bid price",
      withFleets(primary, {
        ...core,
        InstanceTypeConfigs: [{ InstanceType: "m5.xlarge", BidPrice: "1", BidPriceAsPercentageOfOnDemandPrice: 100 }],
      }),
      /at most one of bidPrice/,
    ],
    [
      "a Spot time-out of 4 minutes",
      withFleets(primary, { ...core, LaunchSpecifications: spot({ TimeoutDurationMinutes: 4 }) }),
      /5 and 1440/,
    ],
    [
      "a Spot block",
      withFleets(primary, { ...core, LaunchSpecifications: spot({ BlockDurationMinutes: 60 }) }),
      /no longer/,
    ],
    ...[
      [{ VolumeType: "gp9", SizeInGB: 64 }, /volume type/],
      [{ VolumeType: "gp3", SizeInGB: 1025 }, /between 1 and 1024/],
      [{ VolumeType: "gp2", SizeInGB: 64, Throughput: 200 }, /gp3 volumes/],
    ].map(([given, message]): [string, object, RegExp] => [
      `the volume ${JSON.stringify(given)}`,
      withFleets(primary, {
        ...core,
        InstanceTypeConfigs: [{ InstanceType: "m5.xlarge", ...volume(given as object) }],
      }),
      message as RegExp,
    ]),
    ["scaling from 5 to 4", scaled(5, 4), /min capacity/],
    ["scaling from 0", scaled(0, 4), /min capacity/],
    ["more core capacity than in total", scaled(2, 4, { MaximumCoreCapacityUnits: 5 }), /max Core capacity/],
    [
      "more On-Demand capacity than in total",
      scaled(2, 4, { MaximumOnDemandCapacityUnits: 5 }),
      /max On-Demand capacity/,
    ],
    [
      "less On-Demand capacity than SWITCH_TO_ON_DEMAND may start",
      scaled(3, 4, { MaximumOnDemandCapacityUnits: 0 }),
      /0 contradicts the CORE instance fleet, whose on-demand capacity may be 3 by SWITCH_TO_ON_DEMAND/,
    ],
    [
      "less On-Demand capacity than the core fleet starts with",
      {
        ...scaled(2, 4, { MaximumOnDemandCapacityUnits: 1 }),
        ...withFleets(primary, { ...core, TargetOnDemandCapacity: 2, TargetSpotCapacity: 0 }),
      },
      /may be 2: raise it/,
    ],
    ["instances as the unit of fleets", scaled(2, 4, { UnitType: "Instances" }), /InstanceFleetUnits/],
    ["fleet units for groups", { ManagedScalingPolicy: limits(2, 4) }, /InstanceFleetUnits/],
    [
      "more core capacity than On-Demand capacity for an On-Demand core group",
      { ManagedScalingPolicy: limits(2, 4, { UnitType: "Instances", MaximumOnDemandCapacityUnits: 2 }) },
      /less than or equal to MaximumOnDemandCapacityUnits/,
    ],
    ["an idle time of 59 s", { AutoTerminationPolicy: { IdleTimeout: 59 } }, /between 60 and 604800/],
  ])("refuse %s", (_case, change, message) => {
    expect(check(change)).toThrow(message);
  });
});
