import { describe, expect, it } from "vitest";
import { checkStepsFit, type JobFlowRequest } from "../../../local/emr/request-rules.ts";
import { jobFlow } from "../account-fixtures.ts";

function groups(type: string, coreCount: number) {
  const InstanceGroups = [
    { InstanceRole: "MASTER", InstanceType: type, InstanceCount: 1 },
    ...(coreCount > 0 ? [{ InstanceRole: "CORE", InstanceType: type, InstanceCount: coreCount }] : []),
  ];
  return { Instances: { InstanceGroups } };
}
function fleet(...names: readonly string[]) {
  const InstanceTypeConfigs = names.map((InstanceType) => ({ InstanceType, WeightedCapacity: 1 }));
  return {
    Instances: {
      InstanceFleets: [{ InstanceFleetType: "MASTER", TargetOnDemandCapacity: 1, InstanceTypeConfigs }],
    },
  };
}
/** Adds a spark-submit with these sizes, beside a driver of 2g + 2g, to a cluster. */
function submit(cluster: object, sizes: readonly string[], mode = "cluster") {
  const driver = ["--driver-memory", "2g", "--conf", "spark.driver.memoryOverhead=2g"];
  const Args = ["spark-submit", "--master", "yarn", `--deploy-mode=${mode}`, "--verbose", ...driver, ...sizes];
  const HadoopJarStep = { Jar: "command-runner.jar", Args: [...Args, "s3://data/main.py", "--executor-memory", "99g"] };
  const request = jobFlow("yarn", cluster) as JobFlowRequest;
  return () => checkStepsFit([{ Name: "one", ActionOnFailure: "CONTINUE", HadoopJarStep }], request);
}
function executor(heap: string, overhead: string) {
  return ["--executor-memory", heap, "--conf", `spark.executor.memoryOverhead=${overhead}`];
}
const ofM5 = executor("5632m", "2560m");

describe("the rule for a spark-submit's memory", () => {
  it.each<[string, object, readonly string[]]>([
    ["driver and executor fill one m5.xlarge", groups("m5.xlarge", 0), ofM5],
    ["each has an m6g.xlarge of its own", groups("m6g.xlarge", 2), ofM5],
    ["EMR chooses the executor's size", groups("m6g.xlarge", 0), []],
    ["YARN's memory on the type is not known", groups("x1.large", 0), executor("900g", "1g")],
  ])("accepts it if %s", (_case, cluster, sizes) => {
    expect(submit(cluster, sizes)).not.toThrow();
  });

  it("does not count the driver of client mode", () => {
    expect(submit(groups("m6g.xlarge", 0), ofM5, "client")).not.toThrow();
  });

  it.each<[string, object, readonly string[], RegExp]>([
    [
      "one node lacks room for both",
      groups("m6g.xlarge", 0),
      ofM5,
      /4096 MiB and an executor 8192 .* 11712 .* forever/,
    ],
    ["the only core node lacks room for both", groups("m6g.xlarge", 1), ofM5, /forever for an executor/],
    ["the fleet's smallest type lacks room", fleet("m5.xlarge", "m6i.xlarge"), ofM5, /of m5.xlarge or m6i.xlarge/],
    ["the default overhead lacks room", groups("m5.xlarge", 0), ["--executor-memory", "7680"], /an executor 8448 MiB/],
    ["an executor exceeds a node", groups("m5.2xlarge", 4), executor("24g", "1g"), /the executor needs 25600 MiB/],
    [
      "the driver exceeds a node",
      { ...groups("m5.xlarge", 4), Configurations: [] },
      ["--driver-memory", "11g"],
      /the driver needs 13312 MiB/,
    ],
    [
      "spark-defaults ask for too much",
      {
        ...groups("m5.xlarge", 4),
        Configurations: [{ Classification: "spark-defaults", Properties: { "spark.executor.memory": "12g" } }],
      },
      [],
      /the executor needs 13536 MiB/,
    ],
  ])("refuses it if %s", (_case, cluster, sizes, message) => {
    expect(submit(cluster, sizes)).toThrow(message);
  });
});
