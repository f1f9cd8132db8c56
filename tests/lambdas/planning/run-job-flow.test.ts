import { expect, test } from "vitest";
import { planCluster } from "../../../lambdas/planning/planner.ts";
import { planRequest } from "./plan-request.ts";

function volumes(SizeInGB: number): object {
  return {
    EbsBlockDeviceConfigs: [{ VolumeSpecification: { VolumeType: "gp3", SizeInGB }, VolumesPerInstance: 1 }],
  };
}

function types(names: readonly string[], gibibytes: number): readonly object[] {
  return names.map((InstanceType) => ({
    InstanceType,
    WeightedCapacity: 1,
    EbsConfiguration: volumes(gibibytes),
  }));
}

const onDemand = { OnDemandSpecification: { AllocationStrategy: "lowest-price" } };
const primary = {
  Name: "Primary",
  InstanceFleetType: "MASTER",
  TargetOnDemandCapacity: 1,
  InstanceTypeConfigs: types(["m5.xlarge"], 100),
  LaunchSpecifications: onDemand,
};

/** Plans a cluster of an m5.xlarge and these core nodes, with 100 GiB for each. */
function plan(overrides: object, defaults: object = {}) {
  const given = { primaryType: "m5.xlarge", coreType: "m5.2xlarge", ebsGiB: 100, ...overrides };
  return planCluster(planRequest(300, { overrides: given }, defaults)).cluster;
}

test("a single node has no core fleet and no managed scaling, and runs the executors itself", () => {
  const cluster = plan({ coreCount: 0, primaryType: "m5.2xlarge" });

  expect(cluster.instances).toEqual({
    InstanceFleets: [{ ...primary, InstanceTypeConfigs: types(["m5.2xlarge"], 100) }],
  });
  expect(cluster).toMatchObject({ managedScalingPolicy: {}, coreType: "m5.2xlarge", executors: 2 });
  expect(cluster.configurations[1]).toMatchObject({
    Properties: {
      "spark.dynamicAllocation.initialExecutors": "2",
      "spark.dynamicAllocation.maxExecutors": "2",
    },
  });
});

test("core nodes on demand", () => {
  const cluster = plan({ coreCount: 2, market: "ON_DEMAND" });

  expect(cluster.instances["InstanceFleets"]).toEqual([
    primary,
    {
      Name: "Core",
      InstanceFleetType: "CORE",
      InstanceTypeConfigs: types(["m5.2xlarge"], 100),
      TargetOnDemandCapacity: 2,
      LaunchSpecifications: onDemand,
    },
  ]);
  expect(cluster.managedScalingPolicy).toEqual({
    ComputeLimits: { UnitType: "InstanceFleetUnits", MinimumCapacityUnits: 2, MaximumCapacityUnits: 4 },
  });
});

test("Spot core nodes beside one on demand, which become on-demand nodes after 10 minutes without capacity", () => {
  const cluster = plan({ coreCount: 2, market: "SPOT" });

  expect(cluster.instances["InstanceFleets"]).toEqual([
    primary,
    {
      Name: "Core",
      InstanceFleetType: "CORE",
      InstanceTypeConfigs: types(["m5.2xlarge"], 100),
      TargetOnDemandCapacity: 1,
      TargetSpotCapacity: 1,
      LaunchSpecifications: {
        ...onDemand,
        SpotSpecification: {
          TimeoutDurationMinutes: 10,
          TimeoutAction: "SWITCH_TO_ON_DEMAND",
          AllocationStrategy: "price-capacity-optimized",
        },
      },
    },
  ]);
});

test("Spark asks for the executors of the planned nodes at first, and for those of all nodes at most", () => {
  expect(plan({ coreCount: 2 }).configurations).toEqual([
    { Classification: "spark", Properties: { maximizeResourceAllocation: "false" } },
    {
      Classification: "spark-defaults",
      Properties: {
        "spark.driver.memory": "2g",
        "spark.dynamicAllocation.enabled": "true",
        "spark.dynamicAllocation.initialExecutors": "4",
        "spark.dynamicAllocation.maxExecutors": "8",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": "s3://data/spark-events/",
        "spark.history.fs.logDirectory": "s3://data/spark-events/",
      },
    },
    { Classification: "core-site", Properties: { "fs.s3a.endpoint.region": "eu-west-1" } },
    {
      Classification: "spark-env",
      Properties: {},
      Configurations: [{ Classification: "export", Properties: { AWS_REGION: "eu-west-1" } }],
    },
  ]);
});

test("the configuration's network, key pair and applications", () => {
  const securityGroups = { primary: "sg-1", core: "sg-2", serviceAccess: "sg-3" };
  const cluster = plan(
    { coreCount: 0 },
    { subnetIds: ["subnet-1", "subnet-2"], securityGroups, keyPair: "key", jupyterHub: true, idleTimeoutMinutes: 20 },
  );

  expect(cluster.instances).toEqual({
    InstanceFleets: [primary],
    Ec2SubnetIds: ["subnet-1", "subnet-2"],
    EmrManagedMasterSecurityGroup: "sg-1",
    EmrManagedSlaveSecurityGroup: "sg-2",
    ServiceAccessSecurityGroup: "sg-3",
    Ec2KeyName: "key",
  });
  expect(cluster.applications.map(({ Name }) => Name)).toEqual(["Hadoop", "Spark", "JupyterHub"]);
  expect(cluster.idleTimeoutSeconds).toBe(1_200);
  expect(plan({ coreCount: 0 }).applications.map(({ Name }) => Name)).toEqual(["Hadoop", "Spark"]);
  const withoutServiceAccess = plan({ coreCount: 0 }, { securityGroups: { primary: "sg-1", core: "sg-2" } });
  expect(withoutServiceAccess.instances).not.toHaveProperty("ServiceAccessSecurityGroup");
});
