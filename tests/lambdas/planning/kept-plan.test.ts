import { expect, test } from "vitest";
import { planBorrowed, withKeeping } from "../../../lambdas/planning/kept-plan.ts";
import { aPlan } from "../fixtures.ts";

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
    planBorrowed(planned, { work, overrides: { executorMemory }, region: "eu-west-1" });

  expect(plan("1g")).toMatchObject({ cluster: { name: planned.name, executorMemory: "1g" }, problems: [] });
  expect(plan("1g").estimate.minutes).toBeLessThan(estimate.minutes);
  expect(plan("99g").problems).toEqual([expect.stringMatching(/executorMemory: 99g .* do not fit/)]);
});
