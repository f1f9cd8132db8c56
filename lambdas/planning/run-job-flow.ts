import type {
  Application,
  Configuration,
  InstanceFleetConfig,
  InstanceTypeConfig,
  JobFlowInstancesConfig,
  ManagedScalingPolicy,
} from "@aws-sdk/client-emr";
import type { ClusterDefaults } from "../contract/cluster-knobs.ts";
import type { ClusterPlan } from "../contract/cluster-plan.ts";
import { sparkEventsKey } from "../contract/s3-layout.ts";
import { clusterNameOf } from "../contract/tags.ts";
import { type ClusterShape, workersOf } from "./cluster-shape.ts";
import { executorsPerNode } from "./executor-memory.ts";

/**
 * Minutes that EMR looks for Spot capacity before it falls back to on-demand nodes (RunJobFlow allows 5 to 1,440). The
 * primary node is paid for meanwhile.
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

/**
 * Core nodes that stay on demand with market SPOT, so that losing all Spot nodes does not end the cluster
 * ("NO_SLAVE_LEFT" in EMR's guide). YARN may still place the application master on a Spot node: EMR 7 does so unless
 * node labels forbid it, and a label ON_DEMAND would keep executors off that node
 * (docs.aws.amazon.com/emr/latest/ManagementGuide/emr-managed-scaling.html, "Considerations").
 */
const onDemandCoreNodes = 1;

const onDemand = { OnDemandSpecification: { AllocationStrategy: "lowest-price" } } as const;

function coreFleet({ coreTypes, coreCount, market, ebsGiB }: ClusterShape): InstanceFleetConfig {
  return {
    Name: "Core",
    InstanceFleetType: "CORE",
    InstanceTypeConfigs: typeConfigs(coreTypes, ebsGiB),
    ...(market === "SPOT"
      ? {
          TargetOnDemandCapacity: onDemandCoreNodes,
          TargetSpotCapacity: coreCount - onDemandCoreNodes,
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

/** Builds the members of RunJobFlow's Instances that differ between runs or deployments; the state machine has the others. */
function instancesOf(shape: ClusterShape, defaults: ClusterDefaults): JobFlowInstancesConfig {
  const { subnetIds, securityGroups: groups, keyPair } = defaults;
  return {
    InstanceFleets: [
      {
        Name: "Primary",
        InstanceFleetType: "MASTER",
        // Losing the primary node would end the cluster, so it is never a Spot node.
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

/** Builds the bounds of managed scaling, which scales core nodes; the state machine skips it for a single node. */
function scalingOf({ coreCount, maxCoreCount, market }: ClusterShape): ManagedScalingPolicy {
  return {
    ComputeLimits: {
      UnitType: "InstanceFleetUnits",
      MinimumCapacityUnits: coreCount,
      MaximumCapacityUnits: maxCoreCount,
      // Without this limit managed scaling adds on-demand nodes only (Management Guide, "Using managed scaling"). It is not
      // below coreCount, because all of these nodes are on demand when EC2 has no Spot capacity (SWITCH_TO_ON_DEMAND).
      ...(market === "SPOT" ? { MaximumOnDemandCapacityUnits: coreCount } : {}),
    },
  };
}

/** Where the cluster runs and keeps its data. */
interface Place {
  readonly bucket: string;
  readonly region: string;
}

function configurationsOf(shape: ClusterShape, { bucket, region }: Place): Configuration[] {
  const { types, count } = workersOf(shape);
  const perNode = executorsPerNode(types, shape);
  const events = `s3://${bucket}/${sparkEventsKey}`;
  const properties: Readonly<Record<string, string>> = {
    "spark.driver.memory": shape.driverMemory,
    // EMR's external shuffle service makes dynamic allocation safe. All executors are requested at once.
    "spark.dynamicAllocation.enabled": "true",
    "spark.dynamicAllocation.initialExecutors": String(count * perNode),
    "spark.dynamicAllocation.maxExecutors": String(Math.max(count, shape.coreCount && shape.maxCoreCount) * perNode),
    "spark.eventLog.enabled": "true",
    "spark.eventLog.dir": events,
    "spark.history.fs.logDirectory": events,
  };
  return [
    // Maximized allocation would start one executor per node, and a failed Python worker would lose all of its work.
    { Classification: "spark", Properties: { maximizeResourceAllocation: "false" } },
    { Classification: "spark-defaults", Properties: properties },
    // s3:// is S3A since EMR 7.10. Without a region S3A asks us-east-2 (Hadoop's "Connecting to an Amazon S3 Bucket through
    // the S3A Connector"), which a gateway endpoint in another region does not reach.
    { Classification: "core-site", Properties: { "fs.s3a.endpoint.region": region } },
    // The environment of spark-submit itself on the primary node; spark-submit.ts sets it for driver and executors.
    {
      Classification: "spark-env",
      Properties: {},
      Configurations: [{ Classification: "export", Properties: { AWS_REGION: region } }],
    },
  ];
}

function applicationsOf({ jupyterHub }: ClusterDefaults): Application[] {
  return ["Hadoop", "Spark", ...(jupyterHub ? ["JupyterHub"] : [])].map((Name) => ({ Name }));
}

function first(types: readonly string[]): string {
  return types[0] ?? "";
}

/** Builds the cluster's part of plan.json: the RunJobFlow request of CreateCluster and the figures that people read. */
export function clusterPlanOf(
  runId: string,
  shape: ClusterShape,
  defaults: ClusterDefaults,
  place: Place,
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
    configurations: configurationsOf(shape, place).map((configuration) => ({ ...configuration })),
    managedScalingPolicy: shape.coreCount === 0 ? {} : { ...scalingOf(shape) },
    instances: { ...instancesOf(shape, defaults) },
  };
}
