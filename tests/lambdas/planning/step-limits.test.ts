import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clusterDefaultsSchema } from "../../../lambdas/contract/cluster-knobs.ts";
import { jobSteps } from "../../../lambdas/contract/job-steps.ts";
import { mostSeconds } from "../../../lambdas/contract/step-limits.ts";
import { usdForMinutes } from "../../../lambdas/planning/hourly-price.ts";
import { planCluster } from "../../../lambdas/planning/planner.ts";
import { describeLimit } from "../../../lambdas/planning/step-limits.ts";

const steps = { inventory: true, features: true, reduction: true, any: true };

function plan(images: number, maxCostUsd: number) {
  return planCluster({
    runId: "run-1",
    bucket: "data",
    work: { images, newImages: images, steps },
    maxMegapixels: 80,
    overrides: {},
    defaults: clusterDefaultsSchema.parse({}),
    maxCostUsd,
    keepMinutes: 0,
    region: "eu-west-1",
  });
}

describe("a step's time limit", () => {
  it("is 30 minutes for a small run, so that a hung step costs 0.14 USD and not the price of a day", () => {
    const { cluster, estimate, stepLimits } = plan(300, 20);

    expect(estimate.usd).toBe(0.08);
    expect(stepLimits.features).toEqual({ seconds: 1_800, bound: "least" });
    expect(usdForMinutes(cluster, stepLimits.features.seconds / 60)).toBeCloseTo(0.14, 2);
  });

  it("is four times the quote of a large step, and at most a day", () => {
    const { stepLimits } = plan(1_000_000, 1_000);

    expect(stepLimits.features.bound).toBe("quote");
    expect(stepLimits.inventory).toMatchObject({ bound: "least" });
    expect(plan(100_000_000, 10_000).stepLimits).toMatchObject({
      inventory: { bound: "quote" },
      features: { seconds: 86_400, bound: "most" },
    });
  });

  it("is what maxCostUsd pays for, if that is less", () => {
    const { stepLimits } = plan(300, 0.1);

    expect(stepLimits.features.bound).toBe("maxCostUsd");
    expect(stepLimits.features.seconds).toBeLessThan(600);
  });

  it("never exceeds the budget together with the rest of the quote, and never falls below its own quote", () => {
    const inputs = [fc.integer({ min: 1, max: 20_000_000 }), fc.double({ min: 0.05, max: 500, noNaN: true })] as const;
    fc.assert(
      fc.property(...inputs, (images, maxCostUsd) => {
        const { cluster, estimate, stepLimits } = plan(images, maxCostUsd);
        fc.pre(estimate.usd <= maxCostUsd);
        for (const step of jobSteps) {
          const { seconds, bound } = stepLimits[step];
          expect(Number.isInteger(seconds)).toBe(true);
          expect(seconds).toBeLessThanOrEqual(mostSeconds[step]);
          if (bound !== "maxCostUsd") expect(seconds).toBeGreaterThanOrEqual(1_800);
          // A second is rounded up, and so is a cent of the quote.
          expect(usdForMinutes(cluster, seconds / 60)).toBeLessThanOrEqual(maxCostUsd + 0.02);
        }
      }),
    );
  });

  it.each([
    ["least", "its time limit of 30 minutes, the least that a step gets"],
    ["quote", "its time limit of 30 minutes, four times what the quote says for it"],
    ["most", "its time limit of 30 minutes, the most that this step gets"],
    ["maxCostUsd", "its time limit of 30 minutes, which is all that maxCostUsd pays for"],
  ] as const)("says what decided it: %s", (bound, text) => {
    expect(describeLimit({ seconds: 1_800, bound })).toBe(text);
  });
});
