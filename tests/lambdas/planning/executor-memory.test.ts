import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { root } from "../../../cli/toolchain/places.ts";
import { architectures } from "../../../lambdas/catalog/architectures.ts";
import { instanceType, instanceTypes } from "../../../lambdas/catalog/instance-types.ts";
import { markets } from "../../../lambdas/contract/choices.ts";
import { clusterDefaultsSchema } from "../../../lambdas/contract/cluster-knobs.ts";
import type { ClusterPlan } from "../../../lambdas/contract/cluster-plan.ts";
import { defaultMaxMegapixels } from "../../../lambdas/contract/input.ts";
import { fleetTypesOf } from "../../../lambdas/planning/cluster-shape.ts";
import { deriveMemory, executorCores, toMiB } from "../../../lambdas/planning/executor-memory.ts";
import { type PlannedCluster, type PlanRequest, planCluster } from "../../../lambdas/planning/planner.ts";
import { sparkSubmit } from "../../../lambdas/planning/spark-submit.ts";
import type { ManagedScalingPolicy } from "../../../local/emr/instance-rules.ts";
import { checkJobFlow } from "../../../local/emr/request-rules.ts";
import { jobFlowRequest } from "./job-flow-request.ts";

const everyStep = { inventory: true, features: true, reduction: true, any: true };
const nodeCounts = [0, 1, 4];

function plan(overrides: PlanRequest["overrides"], defaults: object): PlannedCluster {
  return planCluster({
    runId: "run-1",
    bucket: "data",
    work: { images: 300, newImages: 300, steps: everyStep },
    maxMegapixels: 80,
    overrides,
    defaults: clusterDefaultsSchema.parse(defaults),
    maxCostUsd: 100,
    keepMinutes: 0,
    region: "eu-west-1",
  });
}

/** A plan for each number of core nodes and each market; on one node, the type is the primary node's. */
function plans(architecture: string, type?: string): readonly PlannedCluster[] {
  return nodeCounts.flatMap((coreCount) =>
    markets.map((market) => {
      const types = type === undefined ? {} : coreCount === 0 ? { primaryType: type } : { coreType: type };
      return plan({ ...types, coreCount, market }, { architecture });
    }),
  );
}

function containers(cluster: ClusterPlan) {
  return {
    master: toMiB(cluster.driverMemory) + toMiB(cluster.driverMemoryOverhead),
    executor: toMiB(cluster.executorMemory) + toMiB(cluster.executorMemoryOverhead),
  };
}

/** Places the application master, then executors, on nodes of the smallest type, as YARN does. */
function executorsOnFleet(cluster: ClusterPlan): { readonly besideMaster: number; readonly inAll: number } {
  const { master, executor } = containers(cluster);
  const yarn = Math.min(...(fleetTypesOf(cluster).at(-1) ?? []).map((type) => instanceType(type).yarnMemoryMiB));
  const besideMaster = Math.floor((yarn - master) / executor);
  const others = Math.max(1, cluster.coreCount) - 1;
  return { besideMaster, inAll: besideMaster + others * Math.floor(yarn / executor) };
}

function jobFlow(cluster: ClusterPlan) {
  const job = { pyFiles: "s3://data/orchard.zip", script: "s3://data/main.py", step: "features" };
  const Args = sparkSubmit({ cluster, run: "s3://data/runs/run-1/" }, job, "eu-west-1");
  return {
    ...jobFlowRequest(cluster),
    ...(cluster.coreCount === 0
      ? {}
      : { ManagedScalingPolicy: cluster.managedScalingPolicy as unknown as ManagedScalingPolicy }),
    Steps: [{ Name: "features", ActionOnFailure: "CONTINUE", HadoopJarStep: { Jar: "command-runner.jar", Args } }],
  };
}

function expectFit({ cluster, problems }: PlannedCluster): void {
  const fitting = executorsOnFleet(cluster);

  expect(problems).toEqual([]);
  expect(fitting.besideMaster).toBeGreaterThanOrEqual(1);
  expect(fitting.inAll).toBeGreaterThanOrEqual(cluster.executors);
  expect(() => checkJobFlow(jobFlow(cluster))).not.toThrow();
  // The JVM's 384 MiB; 140 MiB a Python worker, 64 to read ahead and 4 for each of 80 megapixels: docs/images.md.
  expect(toMiB(cluster.executorMemoryOverhead)).toBeGreaterThanOrEqual(384 + executorCores * (140 + 64 + 80 * 4));
}

describe("the memory of executors and of the application master", () => {
  it.each(Object.values(instanceTypes).map(({ name, architecture }) => [name, architecture]))(
    "fits YARN on clusters of %s",
    (name, architecture) => {
      plans(architecture, name).forEach(expectFit);
    },
  );

  it.each(architectures)("fits YARN on the planner's fleets of %s, whichever of their types EC2 provides", (one) => {
    plans(one).forEach(expectFit);
  });

  it.each([
    ["m5.xlarge", { executorMemory: "3840m", executorMemoryOverhead: "4352m" }],
    ["m6g.xlarge", { executorMemory: "3g", executorMemoryOverhead: "4352m" }],
    ["m6g.2xlarge", { executorMemory: "4g", executorMemoryOverhead: "5376m" }],
    ["c6g.2xlarge", { executorMemory: "1g", executorMemoryOverhead: "2560m" }],
  ])("on %s is %j", (primaryType, memory) => {
    const { architecture } = instanceType(primaryType);
    expect(plan({ primaryType, coreCount: 0 }, { architecture }).cluster).toMatchObject(memory);
  });

  it("is what the documents say about the planner's nodes", () => {
    const words = (name: string) => readFileSync(join(root, "docs", name), "utf8").replaceAll(/\s+/g, " ");
    const [small, large] = ["xlarge", "2xlarge"].map((size) => {
      const memory = deriveMemory([`m5.${size}`, `m6i.${size}`], { maxMegapixels: defaultMaxMegapixels }, {});
      return [toMiB(memory.executorMemory), toMiB(memory.executorMemoryOverhead)] as const;
    });

    const sizes = /(\d+)m and (\d+)m with 16 GiB, (\d+)m and (\d+)m with 32 GiB/.exec(words("troubleshooting.md"));
    const shared = /`executorMemoryOverhead`: ([\d,]+) MiB/.exec(words("images.md"));
    expect(sizes?.slice(1).map(Number)).toEqual([small, large].flat());
    expect(Number(shared?.[1]?.replace(",", ""))).toBe(small?.[1]);
  });

  it("gives the workers of a run in bf16 what OpenVINO takes beyond LiteRT, from the heap", () => {
    const [float32, bf16] = (["float32", "bf16"] as const).map((precision) => {
      const memory = deriveMemory(["m7i.xlarge"], { maxMegapixels: defaultMaxMegapixels, precision }, {});
      return { heap: toMiB(memory.executorMemory), overhead: toMiB(memory.executorMemoryOverhead) };
    });

    expect((bf16?.overhead ?? 0) - (float32?.overhead ?? 0)).toBe(executorCores * 64);
    expect((float32?.heap ?? 0) - (bf16?.heap ?? 0)).toBe(executorCores * 64);
  });

  it("gives Python more for larger images, up to what the node has, and the JVM what is left", () => {
    const megapixels = fc.integer({ min: 1, max: 2000 });
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(instanceTypes)), megapixels, megapixels, (type, one, more) => {
        const small = deriveMemory([type], { maxMegapixels: one }, {});
        const large = deriveMemory([type], { maxMegapixels: one + more }, {});
        const sizeOf = ({ executorMemory: heap, executorMemoryOverhead: rest }: typeof small) =>
          toMiB(heap) + toMiB(rest);

        expect(toMiB(large.executorMemoryOverhead)).toBeGreaterThanOrEqual(toMiB(small.executorMemoryOverhead));
        expect(toMiB(large.executorMemory)).toBeGreaterThanOrEqual(1024);
        expect(sizeOf(large)).toBe(sizeOf(small));
      }),
    );
  });

  it("keeps given sizes, and lets most images fit beside a given heap", () => {
    const given = { executorMemory: "5g", executorMemoryOverhead: "1g" };

    expect(deriveMemory(["m5.2xlarge"], { maxMegapixels: 80 }, given)).toMatchObject(given);
    expect(deriveMemory(["m5.2xlarge"], { maxMegapixels: 80 }, { executorMemory: "5g" }).executorMemoryOverhead).toBe(
      "5g",
    );
    expect(deriveMemory(["m5.xlarge"], { maxMegapixels: 80 }, { executorMemory: "8g" }).executorMemoryOverhead).toBe(
      "2560m",
    );
  });

  it("is refused if the fleet's smallest type has no room for it", () => {
    const sizes = { executorMemory: "5632m", executorMemoryOverhead: "2560m" };
    const problemsOn = (primaryTypes: readonly string[]) =>
      plan({ coreCount: 0 }, { ...sizes, primaryTypes }).problems.join();

    expect(problemsOn(["m5.xlarge"])).toBe("");
    expect(problemsOn(["m5.xlarge", "m6i.xlarge"])).toMatch(/do not fit .* YARN has 11712m .* executorMemory 5056m$/);
  });
});

it.each([
  ["ON_DEMAND", 4, 1],
  ["SPOT", 0, 1],
  ["SPOT", 1, 2],
  ["SPOT", 4, 2],
] as const)("with %s and %i core nodes, YARN may start the driver %i time(s)", (market, coreCount, attempts) => {
  const { cluster } = plan({ market, coreCount }, {});

  const args = jobFlow(cluster).Steps[0]?.HadoopJarStep.Args;
  expect(args).toContain(`spark.yarn.maxAppAttempts=${attempts}`);
});

it("sets the region of S3A and of spark-submit, which would ask us-east-2 otherwise", () => {
  const { cluster } = plan({}, {});

  expect(cluster.configurations).toEqual(
    expect.arrayContaining([
      { Classification: "core-site", Properties: { "fs.s3a.endpoint.region": "eu-west-1" } },
      {
        Classification: "spark-env",
        Properties: {},
        Configurations: [{ Classification: "export", Properties: { AWS_REGION: "eu-west-1" } }],
      },
    ]),
  );
  expect(jobFlow(cluster).Steps[0]?.HadoopJarStep.Args).toEqual(
    expect.arrayContaining(["spark.yarn.appMasterEnv.AWS_REGION=eu-west-1", "spark.executorEnv.AWS_REGION=eu-west-1"]),
  );
});
