import { expect, test } from "vitest";
import { usdPerHour } from "../../../lambdas/planning/hourly-price.ts";
import { describeBorrowed, planBorrowed, withKeeping } from "../../../lambdas/planning/kept-plan.ts";
import { planCluster } from "../../../lambdas/planning/planner.ts";
import { aPlan } from "../fixtures.ts";
import { planRequest } from "./plan-request.ts";

test("the quote includes the time for which the cluster is kept", () => {
  const { cluster: planned, estimate } = aPlan("data");

  const quote = withKeeping(estimate, planned, 60);

  expect(quote.minutes).toBe(estimate.minutes);
  expect(quote.usd).toBeGreaterThan(estimate.usd + 0.2);
  expect(quote.usdAtMost - quote.usd).toBeCloseTo(estimate.usdAtMost - estimate.usd, 2);
  expect(quote.arithmetic).toMatch(/kept afterwards: 0\.\d+ USD\/h x 60 min = 0\.\d+ USD/);
  expect(withKeeping(estimate, planned, 0)).toBe(estimate);
});

test("a run on a kept cluster is planned with that cluster's nodes and the requested executors, if they fit", () => {
  const { cluster: planned, estimate } = aPlan("data");
  const work = { images: 60, newImages: 60, steps: { inventory: true, features: true, reduction: true, any: true } };
  const plan = (executorMemory: string) =>
    planBorrowed(planned, { work, overrides: { executorMemory }, region: "eu-west-1", maxCostUsd: 20 });

  expect(plan("1g")).toMatchObject({ cluster: { name: planned.name, executorMemory: "1g" }, problems: [] });
  expect(plan("1g").estimate.minutes).toBeLessThan(estimate.minutes);
  expect(plan("1g").stepLimits.features).toEqual({ seconds: 1_800, bound: "least" });
  expect(plan("99g").problems).toEqual([expect.stringMatching(/executorMemory: 99g .* do not fit/)]);
});

test("keeping costs the cluster's price of the hour, and at most that of all nodes that scaling may add", () => {
  const { cluster, estimate } = planCluster(planRequest(300, { overrides: { coreCount: 2 } }));

  const kept = withKeeping(estimate, cluster, 60);

  // 0.786 + 0.029 USD for three nodes, and 1.310 + 0.048 for five.
  expect(kept).toMatchObject({ minutes: estimate.minutes, usd: 1.04, usdAtMost: 1.74 });
  expect(kept.arithmetic).toBe(
    `${estimate.arithmetic}; kept afterwards: 0.815 USD/h x 60 min = 0.81 USD; 1.04 USD in all`,
  );
});

const noSteps = { inventory: false, features: false, reduction: false, any: false };

test("a run with nothing to do keeps no cluster", () => {
  const { cluster } = aPlan("data");
  const nothing = planCluster(planRequest(0, { work: { images: 0, newImages: 0, steps: noSteps } })).estimate;

  expect(withKeeping(nothing, cluster, 60)).toBe(nothing);
});

test("a run on a kept cluster has executors on all its nodes, and waits neither for its start nor for its end", () => {
  const overrides = { coreCount: 2, coreType: "m5.2xlarge" };
  const { cluster } = planCluster(planRequest(300, { overrides }));

  const borrowed = planBorrowed(cluster, planRequest(300));

  expect(borrowed.cluster.executors).toBe(4);
  expect(borrowed.estimate).toMatchObject({ minutes: 6.2, usd: 0.15, usdAtMost: 0.15 });
  expect(borrowed.estimate.arithmetic).toMatch(
    /^a cluster that is there \+ 3\.0 min for 3 step\(s\) \(.*\) \+ 3 min idle .* \+ 0\.2 min around them = 6\.2 min/,
  );
});

test("plan.json describes a reused cluster by its id, its deadline without milliseconds and its price", () => {
  const { cluster } = aPlan("data");
  const Tags = [{ Key: "orchard:keep-until", Value: "2026-01-01T12:30:00.999Z" }];

  expect(describeBorrowed({ Id: "j-1", Tags }, cluster)).toEqual({
    clusterId: "j-1",
    until: "2026-01-01T12:30:00Z",
    usdPerHour: usdPerHour(cluster),
  });
});
