import type {
  Application,
  Configuration,
  InstanceFleetConfig,
  InstanceTypeConfig,
  JobFlowInstancesConfig,
  ManagedScalingPolicy,
} from "@aws-sdk/client-emr";
import { z } from "zod";
import type { ClusterDefaults } from "../contract/cluster-knobs.ts";
import type { ClusterPlan } from "../contract/cluster-plan.ts";
import { sparkEventsKey } from "../contract/s3-layout.ts";
import { clusterNameOf } from "../contract/tags.ts";
import { type ExecutorMemory, executorsPerNode } from "./executor-memory.ts";

/** What the planner decides about a cluster. */
export interface ClusterShape extends ExecutorMemory {
  readonly primaryTypes: readonly string[];
  readonly coreTypes: readonly string[];
  /** 0: one node, on whose primary YARN runs. */
  readonly coreCount: number;
  readonly maxCoreCount: number;
  readonly market: ClusterPlan["market"];
  readonly ebsGiB: number;
}

/** The types of the nodes that executors run on, and how many nodes there are. */
export function workersOf(shape: Pick<ClusterShape, "primaryTypes" | "coreTypes" | "coreCount">) {
  return shape.coreCount === 0
    ? ({ types: shape.primaryTypes, count: 1 } as const)
    : ({ types: shape.coreTypes, count: shape.coreCount } as const);
}

/**
 * Minutes that EMR looks for Spot nodes before it takes on-demand ones (5 to 1,440). While it looks, the primary node
 * is paid for.
 */
const spotTimeoutMinutes = 10;

function typeConfigs(types: readonly string[], ebsGiB: number): InstanceTypeConfig[] {
  return types.map((InstanceType) => ({
    InstanceType,
    WeightedCapacity: 1,
    EbsConfiguration: {
      EbsBlockDeviceConfigs: [{ VolumeSpecification: { VolumeType: "gp3", SizeInGB: ebsGiB }, VolumesPerInstance: 1 }],
    },
  }));
}

const onDemand = { OnDemandSpecification: { AllocationStrategy: "lowest-price" } } as const;

function coreFleet({ coreTypes, coreCount, market, ebsGiB }: ClusterShape): InstanceFleetConfig {
  return {
    Name: "Core",
    InstanceFleetType: "CORE",
    InstanceTypeConfigs: typeConfigs(coreTypes, ebsGiB),
    ...(market === "SPOT"
      ? {
          TargetSpotCapacity: coreCount,
          LaunchSpecifications: {
            ...onDemand,
            SpotSpecification: {
              TimeoutDurationMinutes: spotTimeoutMinutes,
              TimeoutAction: "SWITCH_TO_ON_DEMAND",
              AllocationStrategy: "price-capacity-optimized",
            },
          },
        }
      : { TargetOnDemandCapacity: coreCount, LaunchSpecifications: onDemand }),
  };
}

/** RunJobFlow's Instances, whole. */
function instancesOf(shape: ClusterShape, defaults: ClusterDefaults): JobFlowInstancesConfig {
  const { subnetIds, securityGroups: groups, keyPair } = defaults;
  return {
    KeepJobFlowAliveWhenNoSteps: true,
    TerminationProtected: false,
    InstanceFleets: [
      {
        Name: "Primary",
        InstanceFleetType: "MASTER",
        // On demand: with it the whole cluster would be reclaimed.
        TargetOnDemandCapacity: 1,
        InstanceTypeConfigs: typeConfigs(shape.primaryTypes, shape.ebsGiB),
        LaunchSpecifications: onDemand,
      },
      ...(shape.coreCount === 0 ? [] : [coreFleet(shape)]),
    ],
    ...(subnetIds.length === 0 ? {} : { Ec2SubnetIds: [...subnetIds] }),
    ...(groups === null
      ? {}
      : {
          EmrManagedMasterSecurityGroup: groups.primary,
          EmrManagedSlaveSecurityGroup: groups.core,
          ...(groups.serviceAccess ? { ServiceAccessSecurityGroup: groups.serviceAccess } : {}),
        }),
    ...(keyPair ? { Ec2KeyName: keyPair } : {}),
  };
}

/** Bounds of managed scaling. EMR scales core nodes; for a single node the state machine does not ask for it. */
function scalingOf({ coreCount, maxCoreCount, market }: ClusterShape): ManagedScalingPolicy {
  return {
    ComputeLimits: {
      UnitType: "InstanceFleetUnits",
      MinimumCapacityUnits: coreCount,
      MaximumCapacityUnits: maxCoreCount,
      // Without a limit it adds on-demand nodes alone (Management Guide, "Using managed scaling").
      ...(market === "SPOT" ? { MaximumOnDemandCapacityUnits: 0 } : {}),
    },
  };
}

function configurationsOf(shape: ClusterShape, bucket: string): Configuration[] {
  const { types, count } = workersOf(shape);
  const perNode = executorsPerNode(types, shape);
  const events = `s3://${bucket}/${sparkEventsKey}`;
  const properties: Readonly<Record<string, string>> = {
    "spark.driver.memory": shape.driverMemory,
    // EMR's service for shuffle files lets executors go and come; all are asked for at once, and as many as may come.
    "spark.dynamicAllocation.enabled": "true",
    "spark.dynamicAllocation.initialExecutors": String(count * perNode),
    "spark.dynamicAllocation.maxExecutors": String(Math.max(count, shape.coreCount && shape.maxCoreCount) * perNode),
    "spark.eventLog.enabled": "true",
    "spark.eventLog.dir": events,
    "spark.history.fs.logDirectory": events,
  };
  return [
    // One executor a node would be one Python worker's failure away from losing all of the node's work.
    { Classification: "spark", Properties: { maximizeResourceAllocation: "false" } },
    { Classification: "spark-defaults", Properties: properties },
  ];
}

function applicationsOf({ jupyterHub }: ClusterDefaults): Application[] {
  return ["Hadoop", "Spark", ...(jupyterHub ? ["JupyterHub"] : [])].map((Name) => ({ Name }));
}

function first(types: readonly string[]): string {
  return types[0] ?? "";
}

/** Everything that CreateCluster reads, and the figures that people read. */
export function clusterPlanOf(
  runId: string,
  shape: ClusterShape,
  defaults: ClusterDefaults,
  bucket: string,
): ClusterPlan {
  return {
    name: clusterNameOf(runId),
    releaseLabel: defaults.releaseLabel,
    architecture: defaults.architecture,
    primaryType: first(shape.primaryTypes),
    coreType: first(workersOf(shape).types),
    coreCount: shape.coreCount,
    maxCoreCount: shape.maxCoreCount,
    executors: workersOf(shape).count * executorsPerNode(workersOf(shape).types, shape),
    market: shape.market,
    ebsGiB: shape.ebsGiB,
    executorMemory: shape.executorMemory,
    executorMemoryOverhead: shape.executorMemoryOverhead,
    driverMemory: shape.driverMemory,
    driverMemoryOverhead: shape.driverMemoryOverhead,
    idleTimeoutSeconds: defaults.idleTimeoutMinutes * 60,
    applications: applicationsOf(defaults).map((application) => ({ ...application })),
    configurations: configurationsOf(shape, bucket).map((configuration) => ({ ...configuration })),
    managedScalingPolicy: shape.coreCount === 0 ? {} : { ...scalingOf(shape) },
    instances: { ...instancesOf(shape, defaults) },
  };
}

const fleets = z.object({
  InstanceFleets: z.array(z.object({ InstanceTypeConfigs: z.array(z.object({ InstanceType: z.string() })) })),
});

/** The instance types of each fleet of a plan. */
export function fleetTypesOf({ instances }: ClusterPlan): readonly (readonly string[])[] {
  return fleets
    .parse(instances)
    .InstanceFleets.map(({ InstanceTypeConfigs: configs }) => configs.map(({ InstanceType }) => InstanceType));
}
