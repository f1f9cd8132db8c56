import { createHash } from "node:crypto";
import { AwsError, type JsonObject } from "../support/aws-error.ts";
import type { InstanceFleet, InstanceGroup, Instances } from "./instance-rules.ts";

/** The members of a cluster from which its instances are derived; they are not stored. */
interface InstanceOwner {
  readonly Id: string;
  readonly request: { readonly Instances: Instances };
  readonly Status: {
    readonly State: string;
    readonly Timeline: {
      readonly CreationDateTime: number;
      readonly ReadyDateTime?: number;
      readonly EndDateTime?: number;
    };
  };
}

/** An instance group or fleet with its instances. */
interface Pool {
  readonly id: string;
  readonly role: string;
  readonly group?: InstanceGroup;
  readonly fleet?: InstanceFleet;
  readonly instances: readonly { readonly type: string; readonly market: string; readonly weight: number }[];
}

/** Instance states by cluster state; in all other states instances are RUNNING. */
const instanceStates: Readonly<Record<string, string>> = {
  STARTING: "PROVISIONING",
  BOOTSTRAPPING: "BOOTSTRAPPING",
  TERMINATED: "TERMINATED",
  TERMINATED_WITH_ERRORS: "TERMINATED",
};

/** Returns INSTANCE_FLEET or INSTANCE_GROUP. */
export function collectionType({ request: { Instances: instances } }: InstanceOwner): string {
  return instances.InstanceFleets === undefined ? "INSTANCE_GROUP" : "INSTANCE_FLEET";
}

/** Returns the EC2 id of a cluster's primary instance. */
export function primaryInstanceId(owner: InstanceOwner): string {
  const primary = pools(owner).find(({ role }) => role === "MASTER");
  return ec2Id(owner, primary?.id ?? "", 0);
}

/**
 * Returns the instances that have a NodeManager: core and task nodes, or a lone primary node. Management guide,
 * "Understand node types".
 */
export function yarnInstances(owner: InstanceOwner): readonly { readonly id: string; readonly type: string }[] {
  const all = pools(owner).map(({ id, role, instances }) => ({
    role,
    instances: instances.map(({ type }, index) => ({ id: ec2Id(owner, id, index), type })),
  }));
  const workers = all.filter(({ role, instances }) => role !== "MASTER" && instances.length > 0);
  return (workers.length > 0 ? workers : all).flatMap(({ instances }) => instances);
}

/** Answers ListInstanceGroups. @throws AwsError InvalidRequestException for a cluster with fleets */
export function listInstanceGroups(owner: InstanceOwner): JsonObject {
  requireCollectionType(owner, "INSTANCE_GROUP", "ListInstanceGroups");
  const InstanceGroups = pools(owner).flatMap(({ id: Id, group }) =>
    group === undefined
      ? []
      : [
          {
            Id,
            Name: group.Name ?? group.InstanceRole,
            InstanceGroupType: group.InstanceRole,
            InstanceType: group.InstanceType,
            Market: group.Market ?? "ON_DEMAND",
            RequestedInstanceCount: group.InstanceCount,
            RunningInstanceCount: isEnded(owner) ? 0 : group.InstanceCount,
            EbsBlockDevices: volumes(group.EbsConfiguration),
            Status: statusOf(owner),
          },
        ],
  );
  return { InstanceGroups };
}

/** Answers ListInstanceFleets. @throws AwsError InvalidRequestException for a cluster with groups */
export function listInstanceFleets(owner: InstanceOwner): JsonObject {
  requireCollectionType(owner, "INSTANCE_FLEET", "ListInstanceFleets");
  const InstanceFleets = pools(owner).flatMap(({ id: Id, role, fleet, instances }) => {
    const provisioned = (market: string) =>
      instances
        .filter((instance) => !isEnded(owner) && instance.market === market)
        .reduce((sum, { weight }) => sum + weight, 0);
    return fleet === undefined
      ? []
      : [
          {
            Id,
            Name: fleet.Name ?? role,
            InstanceFleetType: role,
            TargetOnDemandCapacity: fleet.TargetOnDemandCapacity ?? 0,
            TargetSpotCapacity: fleet.TargetSpotCapacity ?? 0,
            ProvisionedOnDemandCapacity: provisioned("ON_DEMAND"),
            ProvisionedSpotCapacity: provisioned("SPOT"),
            InstanceTypeSpecifications: fleet.InstanceTypeConfigs?.map(({ EbsConfiguration: ebs, ...config }) => ({
              WeightedCapacity: 1,
              ...config,
              EbsBlockDevices: volumes(ebs),
            })),
            LaunchSpecifications: fleet.LaunchSpecifications,
            Status: statusOf(owner),
          },
        ];
  });
  return { InstanceFleets };
}

export interface ListInstancesRequest {
  readonly InstanceGroupId?: string;
  readonly InstanceGroupTypes?: readonly string[];
  readonly InstanceFleetId?: string;
  readonly InstanceFleetType?: string;
  readonly InstanceStates?: readonly string[];
}

/** Returns the Instances of ListInstances, also terminated ones. Their timeline has the times between which AWS bills them. */
export function listInstances(owner: InstanceOwner, filter: ListInstancesRequest): readonly JsonObject[] {
  if (filter.InstanceGroupId !== undefined || filter.InstanceGroupTypes !== undefined) {
    requireCollectionType(owner, "INSTANCE_GROUP", "ListInstances by instance group");
  }
  if (filter.InstanceFleetId !== undefined || filter.InstanceFleetType !== undefined) {
    requireCollectionType(owner, "INSTANCE_FLEET", "ListInstances by instance fleet");
  }
  const state = statusOf(owner);
  return pools(owner)
    .filter(({ id }) => [id, undefined].includes(filter.InstanceFleetId ?? filter.InstanceGroupId))
    .filter(({ role }) => [role, undefined].includes(filter.InstanceFleetType))
    .filter(({ role }) => filter.InstanceGroupTypes?.includes(role) ?? true)
    .filter(() => filter.InstanceStates?.includes(state.State) ?? true)
    .flatMap(({ id, fleet, instances }) =>
      instances.map(({ type, market }, index) => ({
        Id: `ci-${hash(owner.Id, id, index).slice(0, 13).toUpperCase()}`,
        Ec2InstanceId: ec2Id(owner, id, index),
        ...(fleet === undefined ? { InstanceGroupId: id } : { InstanceFleetId: id }),
        InstanceType: type,
        Market: market,
        PrivateIpAddress: "127.0.0.1",
        Status: state,
      })),
    );
}

/** Returns the roles of a cluster's instances with their types and numbers. */
export function countInstances(owner: InstanceOwner) {
  return pools(owner).map(({ role: Role, instances }) => ({
    Role,
    InstanceType: instances[0]?.type ?? "",
    Count: instances.length,
  }));
}

/** Derives the groups or fleets. All capacity is of the first requested type; nothing scales or is reclaimed. */
function pools({ Id: clusterId, request: { Instances: instances } }: InstanceOwner): readonly Pool[] {
  const groups: readonly InstanceGroup[] = instances.InstanceGroups ?? [
    { InstanceRole: "MASTER", InstanceType: instances.MasterInstanceType ?? "m5.xlarge", InstanceCount: 1 },
    {
      InstanceRole: "CORE",
      InstanceType: instances.SlaveInstanceType ?? "m5.xlarge",
      InstanceCount: Math.max(0, (instances.InstanceCount ?? 1) - 1),
    },
  ];
  const idOf = (prefix: string, index: number) =>
    `${prefix}-${hash(clusterId, prefix, index).slice(0, 13).toUpperCase()}`;
  return (
    instances.InstanceFleets?.map((fleet, index) => ({
      id: idOf("if", index),
      role: fleet.InstanceFleetType,
      fleet,
      instances: [
        ...provision(fleet, "ON_DEMAND", fleet.TargetOnDemandCapacity),
        ...provision(fleet, "SPOT", fleet.TargetSpotCapacity),
      ],
    })) ??
    groups
      .filter(({ InstanceCount: count }) => count > 0)
      .map((group, index) => ({
        id: idOf("ig", index),
        role: group.InstanceRole,
        group,
        instances: Array.from({ length: group.InstanceCount }, () => ({
          type: group.InstanceType,
          market: group.Market ?? "ON_DEMAND",
          weight: 1,
        })),
      }))
  );
}

/** API reference, InstanceFleetConfig: instances are provisioned until the target is met, even if they exceed it. */
function provision(fleet: InstanceFleet, market: string, target = 0): Pool["instances"] {
  const { InstanceType: type = "", WeightedCapacity: weight = 1 } = fleet.InstanceTypeConfigs?.[0] ?? {};
  return Array.from({ length: Math.ceil(target / weight) }, () => ({ type, market, weight }));
}

function volumes(ebs: InstanceGroup["EbsConfiguration"]): readonly JsonObject[] {
  return (ebs?.EbsBlockDeviceConfigs ?? []).flatMap(({ VolumeSpecification, VolumesPerInstance: count = 1 }) =>
    Array.from({ length: count }, () => ({ VolumeSpecification })),
  );
}

function isEnded(owner: InstanceOwner): boolean {
  return instanceStates[owner.Status.State] === "TERMINATED";
}

function statusOf({ Status: { State: state, Timeline: timeline } }: InstanceOwner) {
  return { State: instanceStates[state] ?? "RUNNING", StateChangeReason: {}, Timeline: timeline };
}

/** Wording: github.com/turbot/steampipe-plugin-aws/issues/1222. @throws AwsError InvalidRequestException */
function requireCollectionType(owner: InstanceOwner, required: string, operation: string): void {
  const name = (type: string) => (type === "INSTANCE_FLEET" ? "instance fleets" : "instance groups");
  const used = collectionType(owner);
  if (used !== required) {
    throw new AwsError(
      "InvalidRequestException",
      `Instance fleets and instance groups are mutually exclusive. The EMR cluster specified in the request uses ${name(used)}. ` +
        `The ${operation} operation does not support clusters that use ${name(used)}.`,
    );
  }
}

function ec2Id({ Id: clusterId }: InstanceOwner, poolId: string, index: number): string {
  return `i-${hash(clusterId, poolId, index).slice(0, 17)}`;
}

/** Derives ids from the cluster's id, so that they need not be stored. */
function hash(...parts: readonly (string | number)[]): string {
  return createHash("sha256").update(parts.join("/")).digest("hex");
}
