import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { architectures } from "../../../lambdas/catalog/architectures.ts";
import { instanceType, instanceTypes } from "../../../lambdas/catalog/instance-types.ts";
import { type ClusterDefaults, clusterDefaultsSchema } from "../../../lambdas/contract/cluster-knobs.ts";
import { architectureProblem } from "../../../lambdas/planning/candidate-nodes.ts";
import { fleetTypesOf, workersOf } from "../../../lambdas/planning/cluster-shape.ts";
import { executorCores, executorsPerNode, toMiB } from "../../../lambdas/planning/executor-memory.ts";
import { usdPerHour } from "../../../lambdas/planning/hourly-price.ts";
import { withKeeping } from "../../../lambdas/planning/kept-plan.ts";
import { candidates, type PlanRequest, planCluster } from "../../../lambdas/planning/planner.ts";
import { coreSpeed, rates } from "../../../lambdas/planning/rates.ts";
import { maxHours } from "../../../lambdas/teardown/cluster-age.ts";
import type { ManagedScalingPolicy } from "../../../local/emr/instance-rules.ts";
import { checkJobFlow, checkScaling } from "../../../local/emr/request-rules.ts";
import { ServiceModel } from "../../../local/support/service-model.ts";
import { jobFlowRequest } from "./job-flow-request.ts";
import { everyStep, planRequest as request } from "./plan-request.ts";

const steps = fc.constantFrom(
  everyStep,
  { inventory: true, features: false, reduction: false, any: true },
  { inventory: false, features: false, reduction: true, any: true },
);
const counts = fc.nat({ max: 20_000_000 });

const configurations: fc.Arbitrary<ClusterDefaults> = fc
  .record(
    {
      architecture: fc.constantFrom(...architectures),
      coreCount: fc.integer({ min: 1, max: 6 }),
      maxCoreCount: fc.integer({ min: 1, max: 12 }),
      market: fc.constantFrom("SPOT", "ON_DEMAND"),
      ebsGiB: fc.integer({ min: 32, max: 1024 }),
      idleTimeoutMinutes: fc.integer({ min: 10, max: 10_080 }),
      deadlineMinutes: fc.integer({ min: 10, max: 900 }),
      jupyterHub: fc.boolean(),
      driverMemory: fc.constantFrom("1g", "3g", "12g", "20g", "64g"),
      driverMemoryOverhead: fc.constantFrom("1g", "4g"),
      subnetIds: fc.constantFrom([], ["subnet-1"], ["subnet-1", "subnet-2"]),
      securityGroups: fc.constantFrom(
        null,
        { primary: "sg-1", core: "sg-2", serviceAccess: "sg-3" },
        { primary: "sg-1", core: "sg-2" },
      ),
      keyPair: fc.constantFrom(null, "key"),
    },
    { requiredKeys: [] },
  )
  .map((given) => clusterDefaultsSchema.parse(given));

function overridesOf({ architecture }: ClusterDefaults) {
  const types = Object.values(instanceTypes).flatMap((type) => (type.architecture === architecture ? type.name : []));
  return fc.record(
    {
      primaryType: fc.constantFrom(...types),
      coreType: fc.constantFrom(...types),
      coreCount: fc.nat({ max: 100 }),
      market: fc.constantFrom("SPOT" as const, "ON_DEMAND" as const),
      ebsGiB: fc.integer({ min: 32, max: 1024 }),
      executorMemory: fc.constantFrom("1g", "2g", "64g"),
    },
    { requiredKeys: [] },
  );
}

const requests: fc.Arbitrary<PlanRequest> = configurations.chain((defaults) =>
  fc
    .record({
      images: counts,
      steps,
      overrides: overridesOf(defaults),
      maxCostUsd: fc.double({ min: 0.01, max: 100, noNaN: true }),
      keepMinutes: fc.nat({ max: 600 }),
    })
    .map(({ images, steps, overrides, maxCostUsd, keepMinutes }) => ({
      ...request(images, { overrides, maxCostUsd, keepMinutes, work: { images, newImages: images, steps } }),
      defaults,
    })),
);

describe("the plan", () => {
  it("never quotes less for more images", () => {
    fc.assert(
      fc.property(requests, fc.nat({ max: 1_000_000 }), (given, more) => {
        const { work } = given;
        const larger = { ...work, images: work.images + more, newImages: work.newImages + more };
        expect(planCluster({ ...given, work: larger }).estimate.usd).toBeGreaterThanOrEqual(
          planCluster(given).estimate.usd,
        );
      }),
    );
  });

  it("is the cheapest candidate within the deadline", () => {
    fc.assert(
      fc.property(requests, (given) => {
        const { estimate } = planCluster(given);
        const { deadlineMinutes } = given.defaults;
        const inTime = candidates(given).filter(({ quote }) => quote.minutes <= deadlineMinutes);
        for (const { quote, shape } of inTime) {
          // Skip clusters on which no executor fits.
          if (executorsPerNode(workersOf(shape).types, shape) === 0) continue;
          expect(estimate.usd).toBeLessThanOrEqual(Number(quote.usd.toFixed(2)));
        }
      }),
    );
  });

  it("limits managed scaling to what maxCostUsd pays for, but at least to the planned nodes", () => {
    fc.assert(
      fc.property(requests, (given) => {
        const { cluster, estimate: ofRun } = planCluster(given);
        const estimate = withKeeping(ofRun, cluster, given.keepMinutes);
        if (estimate.usd <= given.maxCostUsd - 0.01)
          expect(estimate.usdAtMost).toBeLessThanOrEqual(given.maxCostUsd + 0.005);
        expect(cluster.maxCoreCount).toBeGreaterThanOrEqual(cluster.coreCount);
      }),
    );
  });

  it("gives the cluster at least the planned run and keep time, if maxCostUsd allows the plan", () => {
    fc.assert(
      fc.property(requests, (given) => {
        const { cluster, estimate: ofRun, problems } = planCluster(given);
        const { maxCostUsd, keepMinutes } = given;
        const estimate = withKeeping(ofRun, cluster, keepMinutes);
        fc.pre(problems.length === 0 && estimate.usd <= maxCostUsd - 0.01);
        // Both are rounded: minutes to one decimal, hours to two.
        expect(maxHours(cluster, maxCostUsd) + 0.02).toBeGreaterThanOrEqual((estimate.minutes + keepMinutes) / 60);
      }),
    );
  });

  it("requests executors and a driver that fit into each node's YARN memory", () => {
    fc.assert(
      fc.property(requests, (given) => {
        const { cluster, problems } = planCluster(given);
        const nodes = Math.max(1, cluster.coreCount);
        const types = fleetTypesOf(cluster).at(-1) ?? [];
        const executor = toMiB(cluster.executorMemory) + toMiB(cluster.executorMemoryOverhead);
        const driver = toMiB(cluster.driverMemory) + toMiB(cluster.driverMemoryOverhead);
        expect(toMiB(cluster.executorMemoryOverhead)).toBeGreaterThan(0);
        if (problems.length > 0) {
          expect(problems[0]).toMatch(/do not fit a node|leave no room for an executor/);
          return;
        }
        for (const type of types) {
          const perNode = cluster.executors / nodes;
          expect(perNode).toBeGreaterThanOrEqual(1);
          expect(perNode * executorCores).toBeLessThanOrEqual(instanceType(type).vcpus);
          expect(perNode * executor + driver).toBeLessThanOrEqual(instanceType(type).yarnMemoryMiB);
        }
      }),
    );
  });

  it("makes a RunJobFlow request that passes EMR's model and rules, with types of one architecture", () => {
    const model = new ServiceModel(".orchard", "emr");
    fc.assert(
      fc.property(requests, (given) => {
        const { cluster } = planCluster(given);
        const request = jobFlowRequest(cluster);
        model.check("RunJobFlow", request);
        checkJobFlow(request);
        const policy = cluster.managedScalingPolicy as unknown as ManagedScalingPolicy;
        if (cluster.coreCount > 0) {
          model.check("PutManagedScalingPolicy", { ClusterId: "j-1", ManagedScalingPolicy: policy });
          checkScaling(policy, request.Instances);
        } else expect(policy).toEqual({});
        for (const type of fleetTypesOf(cluster).flat())
          expect(instanceType(type).architecture).toBe(given.defaults.architecture);
      }),
    );
  });

  it.each([
    [300, 0],
    [100_000, 0],
  ])("of %i images has %i core nodes", (images, coreCount) => {
    expect(planCluster(request(images)).cluster.coreCount).toBe(coreCount);
  });

  it("of ten million images has core nodes", () => {
    expect(planCluster(request(10_000_000)).cluster.coreCount).toBeGreaterThan(0);
  });

  it("counts the vCPUs of m7a as whole cores", () => {
    const [m5, m7a] = ["m5.2xlarge", "m7a.2xlarge"].map((coreType) => {
      const [one] = candidates(request(1_000_000, { overrides: { coreType, coreCount: 2 } }));
      return one?.quote.arithmetic ?? "";
    });
    expect(m5).toContain(" / 8 cores)");
    expect(m7a).toContain(" / 16 cores)");
  });

  it("uses the configuration's number of core nodes", () => {
    const { cluster } = planCluster(request(300, {}, { coreCount: 2 }));
    expect(cluster.managedScalingPolicy).toMatchObject({
      ComputeLimits: { UnitType: "InstanceFleetUnits", MinimumCapacityUnits: 2, MaximumCapacityUnits: 4 },
    });
  });

  it("uses larger nodes if the driver leaves no room for executors on small ones", () => {
    const { cluster, problems } = planCluster(request(300, {}, { driverMemory: "12g" }));
    expect({ type: cluster.primaryType, problems }).toEqual({ type: "m5.2xlarge", problems: [] });
  });

  it("reports a driver that leaves no room for executors on any node", () => {
    expect(planCluster(request(300, {}, { driverMemory: "64g" })).problems).toEqual([
      expect.stringMatching(
        /^driverMemory: 64g \+ 2g of driverMemoryOverhead leave no room for an executor on a node of/,
      ),
    ]);
  });

  it("computes cost and age limit from the most expensive type, regardless of the order", () => {
    const types = ["m5a.2xlarge", "r5.2xlarge"];
    const [one, other] = [types, types.toReversed()].map((coreTypes) => {
      const planned = planCluster(request(300, { keepMinutes: 120, maxCostUsd: 6 }, { coreTypes, coreCount: 4 }));
      const { estimate, cluster } = planned;
      return { usd: withKeeping(estimate, cluster, 120).usd, hours: maxHours(cluster, 6), hourly: usdPerHour(cluster) };
    });
    expect(one).toEqual(other);
    // r5.2xlarge is more expensive: 4 x (0.564 + 0.126) + m5.xlarge 0.262 + volumes.
    expect(one?.hourly).toBeGreaterThan(4 * 0.69 + 0.262);
    expect((one?.hours ?? 0) * (one?.hourly ?? 0)).toBeLessThanOrEqual(6);
  });

  it("uses more executors for a shorter deadline", () => {
    const relaxed = planCluster(request(300_000)).cluster;
    const hurried = planCluster(request(300_000, {}, { deadlineMinutes: 40 })).cluster;
    expect(hurried.executors).toBeGreaterThan(relaxed.executors);
  });

  it("takes the cheapest cluster with the most cores if none meets the deadline, and says so", () => {
    const { cluster, estimate } = planCluster(request(100_000_000));
    expect(cluster).toMatchObject({ coreType: "m7a.2xlarge", coreCount: 4, primaryType: "m5.xlarge" });
    expect(estimate.arithmetic).toMatch(/ USD; no cluster of at most 4 core nodes is done within 120 min$/);
  });

  it("meets the deadline exactly", () => {
    const [one] = candidates(request(300, { overrides: { coreCount: 1, coreType: "m5.xlarge" } }));
    const given = request(300, { overrides: { coreCount: 1, coreType: "m5.xlarge" } });
    const defaults = { ...given.defaults, deadlineMinutes: one?.quote.minutes ?? 0 };
    expect(planCluster({ ...given, defaults }).estimate.arithmetic).not.toContain("no cluster");
  });

  it("says what managed scaling may add, within maxCostUsd", () => {
    const overrides = { coreCount: 2 };
    const scaled = planCluster(request(300, { overrides }));
    expect(scaled.cluster.maxCoreCount).toBe(4);
    expect(scaled.estimate).toMatchObject({ usd: 0.23, usdAtMost: 0.38 });
    expect(scaled.estimate.arithmetic).toMatch(
      / USD; managed scaling may go to 4 core nodes, which makes it 0\.38 USD at most$/,
    );
    for (const given of [request(300, { overrides, maxCostUsd: 0.24 }), request(300)]) {
      const { arithmetic, usd, usdAtMost } = planCluster(given).estimate;
      expect(arithmetic).toMatch(/ USD$/);
      expect(usdAtMost).toBe(usd);
    }
  });

  it.each([
    [{}, [0, 0, 0, 1, 2, 1, 2, 1, 2]],
    [{ coreCount: 0 }, [0, 0, 0]],
    [{ coreCount: 3 }, [3, 3, 3]],
    [{ coreType: "m5.xlarge" }, [1, 2]],
    [{ coreType: "m5.xlarge", coreCount: 0 }, [0, 0, 0]],
    [{ primaryType: "m5.xlarge", coreCount: 0 }, [0]],
  ] as const)("has the candidates that %j allows", (overrides, counts) => {
    const all = candidates(request(300, { overrides }, { maxCoreCount: 2 }));
    expect(all.map(({ shape }) => shape.coreCount)).toEqual(counts);
    for (const { shape } of all) {
      expect(shape.coreTypes.length > 0).toBe(shape.coreCount > 0);
      expect(shape.maxCoreCount).toBe(shape.coreCount === 0 ? 0 : Math.max(2, shape.coreCount));
    }
  });

  it("quotes nothing and says so if nothing is new", () => {
    const none = { inventory: false, features: false, reduction: false, any: false };
    const work = { images: 20_000_000, newImages: 0, steps: none };
    const { estimate } = planCluster(request(0, { work, overrides: { coreCount: 2 } }));
    expect(estimate).toEqual({
      minutes: 0,
      usd: 0,
      usdAtMost: 0,
      minutesBetween: [0, 0],
      bottleneck: "",
      arithmetic: "nothing is new: no cluster",
    });
  });

  it("quotes an arithmetic that adds up", () => {
    const { minutes, usd, arithmetic } = planCluster(request(300)).estimate;
    const terms = /^(.*) = ([\d.]+) min/.exec(arithmetic);
    const sum = [...(terms?.[1] ?? "").replaceAll(/\(.*?\)/g, "").matchAll(/([\d.]+) min/g)].map(([, n]) => Number(n));
    expect(Number(terms?.[2])).toBeCloseTo(minutes, 1);
    expect(sum.reduce((a, b) => a + b, 0)).toBeCloseTo(minutes, 0);
    expect(arithmetic).toContain(`= ${usd.toFixed(2)} USD`);
  });

  it("says so if the prices are those of another region", () => {
    expect(planCluster(request(300, { region: "eu-central-1" })).estimate.arithmetic).toContain("not eu-central-1's");
  });

  it("quotes zero if no step runs", () => {
    const none = { inventory: false, features: false, reduction: false, any: false };
    const { estimate } = planCluster(request(300, { work: { images: 300, newImages: 300, steps: none } }));
    expect(estimate).toMatchObject({ minutes: 0, usd: 0, usdAtMost: 0 });
  });

  it("requests Spot core nodes with a fallback to on demand, and the primary and one core node on demand", () => {
    const overrides = { market: "SPOT", coreCount: 3 } as const;
    const { cluster } = planCluster(request(300, { overrides }));
    // Not below 3, the on-demand nodes that SWITCH_TO_ON_DEMAND may have started.
    expect(cluster.managedScalingPolicy).toMatchObject({ ComputeLimits: { MaximumOnDemandCapacityUnits: 3 } });
    expect(cluster.instances["InstanceFleets"]).toMatchObject([
      { InstanceFleetType: "MASTER", TargetOnDemandCapacity: 1 },
      {
        InstanceFleetType: "CORE",
        TargetOnDemandCapacity: 1,
        TargetSpotCapacity: 2,
        LaunchSpecifications: {
          SpotSpecification: { TimeoutAction: "SWITCH_TO_ON_DEMAND", AllocationStrategy: "price-capacity-optimized" },
        },
      },
    ]);
  });
});

it("quotes Spot nodes and the core node on demand at the on-demand price, as many as there are", () => {
  const usd = (market: "SPOT" | "ON_DEMAND") => planCluster(request(300, { overrides: { market, coreCount: 3 } }));

  expect(usd("SPOT").estimate).toEqual(usd("ON_DEMAND").estimate);
});

describe("the rates of the quote", () => {
  it("are positive and name their source", () => {
    for (const { value, best, worst, from } of [...Object.values(rates), ...Object.values(coreSpeed)]) {
      expect(Math.min(value, best, worst)).toBeGreaterThan(0);
      expect((value - best) * (worst - value)).toBeGreaterThanOrEqual(0);
      expect(from).not.toBe("");
    }
  });
});

describe("the configuration of clusters", () => {
  it.each([
    [{ coreTypes: ["m5.xlarge", "m5.2xlarge"] }, /the same number of vCPUs/],
    [{ architecture: "arm64", coreTypes: ["m5.xlarge"] }, /m5\.xlarge is not arm64/],
  ])("refuses %j", (given, message) => {
    expect(() => clusterDefaultsSchema.parse(given)).toThrow(message);
  });
});

describe("an instance type of the execution input", () => {
  it("is refused if it is of another architecture than the stack's clusters, with types to take", () => {
    expect(architectureProblem("coreType", "m6g.xlarge", "x86_64")).toBe(
      "cluster.coreType: m6g.xlarge is arm64, and the stack's clusters are x86_64: the wheels on S3 are built for that. " +
        'Take "m5.xlarge" or "m5.2xlarge" or "m7a.2xlarge", or deploy with architecture arm64',
    );
    expect(architectureProblem("coreType", "m5.xlarge", "x86_64")).toBeUndefined();
    expect(architectureProblem("coreType", undefined, "arm64")).toBeUndefined();
  });
});
