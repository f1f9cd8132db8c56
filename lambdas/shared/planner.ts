import type { JobFlowInstancesConfig } from "@aws-sdk/client-emr";
import type { Input } from "./input.ts";
import { instanceType } from "./prices.ts";
import type { ClusterPlan, Plan } from "./schemas.ts";

const releaseLabel = "emr-7.13.0";

/**
 * Images that one vCPU turns into features in a second. Measured: 187 images/s for a run of 4,844 images on two
 * cores of a laptop-class machine, fixed costs included; a vCPU of these instances is a hyperthread, about half a core.
 */
const imagesPerSecondPerVcpu = 45;
/** From RunJobFlow to the first step: instances, bootstrap action, Spark. */
const startMinutes = 8;
/** Start of the JVM and the workers, listing, commit. */
const fixedMinutesPerStep = 1;

/** Up to here one small core node is done before a second one would have paid. */
const smallRunImages = 5_000;
/** A core node's share: about half an hour of feature extraction on an m5.2xlarge. */
const imagesPerCoreNode = 600_000;
const maxCoreNodes = 10;

export interface ClusterSettings {
  readonly subnetId?: string | undefined;
  readonly keyPair?: string | undefined;
}

/** The cluster for that many images: the planner's choice, with the input's overrides. */
export const planCluster = (
  runId: string,
  images: number,
  overrides: NonNullable<Input["cluster"]>,
  settings: ClusterSettings,
): ClusterPlan => {
  const isSmall = images <= smallRunImages;
  const primaryType = overrides.primaryType ?? "m5.xlarge";
  const coreType = overrides.coreType ?? (isSmall ? "m5.xlarge" : "m5.2xlarge");
  const coreCount =
    overrides.coreCount ?? (isSmall ? 1 : Math.min(maxCoreNodes, Math.max(2, Math.ceil(images / imagesPerCoreNode))));
  const market = overrides.market ?? "ON_DEMAND";
  const ebsGiB = overrides.ebsGiB ?? 64;
  const { executorMemory, executorMemoryOverhead } = instanceType(coreType);
  const volumes = {
    EbsBlockDeviceConfigs: [{ VolumeSpecification: { VolumeType: "gp3", SizeInGB: ebsGiB }, VolumesPerInstance: 1 }],
  };
  const instances: JobFlowInstancesConfig = {
    KeepJobFlowAliveWhenNoSteps: true,
    TerminationProtected: false,
    InstanceGroups: [
      // The primary stays on demand: with it the whole cluster would be reclaimed.
      {
        Name: "Primary",
        InstanceRole: "MASTER",
        InstanceType: primaryType as "m5.xlarge",
        InstanceCount: 1,
        Market: "ON_DEMAND",
      },
      {
        Name: "Core",
        InstanceRole: "CORE",
        InstanceType: coreType as "m5.xlarge",
        InstanceCount: coreCount,
        Market: market,
        EbsConfiguration: volumes,
      },
    ],
    ...(settings.subnetId === undefined ? {} : { Ec2SubnetId: settings.subnetId }),
    ...(settings.keyPair === undefined ? {} : { Ec2KeyName: settings.keyPair }),
  };
  return {
    name: `orchard-${runId}`,
    releaseLabel,
    primaryType,
    coreType,
    coreCount,
    market,
    ebsGiB,
    executorMemory: overrides.executorMemory ?? executorMemory,
    executorMemoryOverhead: overrides.executorMemoryOverhead ?? executorMemoryOverhead,
    instances: { ...instances },
  };
};

/** What the cluster costs in an hour, in US dollars: EC2 on demand and EMR's charge. */
export const usdPerHour = (cluster: Readonly<{ primaryType: string; coreType: string; coreCount: number }>): number => {
  const primary = instanceType(cluster.primaryType);
  const core = instanceType(cluster.coreType);
  return primary.ec2UsdPerHour + primary.emrUsdPerHour + cluster.coreCount * (core.ec2UsdPerHour + core.emrUsdPerHour);
};

/** Expected minutes and US dollars, with the arithmetic as text. */
export const estimate = (cluster: ClusterPlan, images: number, steps: Plan["steps"]): Plan["estimate"] => {
  if (!steps.any) return { minutes: 0, usd: 0, arithmetic: "nothing is new: no cluster" };
  const stepCount = [steps.inventory, steps.features, steps.reduction].filter(Boolean).length;
  const vcpus = cluster.coreCount * instanceType(cluster.coreType).vcpus;
  const imageMinutes = steps.features ? images / (imagesPerSecondPerVcpu * vcpus) / 60 : 0;
  const minutes = startMinutes + stepCount * fixedMinutesPerStep + imageMinutes;
  const hourly = usdPerHour(cluster);
  const usd = (hourly * minutes) / 60;
  const arithmetic = [
    `${startMinutes} min to start`,
    `${stepCount} step(s) x ${fixedMinutesPerStep} min`,
    ...(steps.features ? [`${images} images / (${imagesPerSecondPerVcpu} images/s a vCPU x ${vcpus} vCPUs)`] : []),
  ].join(" + ");
  return {
    minutes: Number(minutes.toFixed(1)),
    usd: Number(usd.toFixed(2)),
    arithmetic:
      `${arithmetic} = ${minutes.toFixed(1)} min; ` +
      `(1 x ${cluster.primaryType} + ${cluster.coreCount} x ${cluster.coreType}, EC2 on demand + EMR) ` +
      `${hourly.toFixed(3)} USD/h x ${minutes.toFixed(1)} min = ${usd.toFixed(2)} USD`,
  };
};
