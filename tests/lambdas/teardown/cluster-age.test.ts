import fc from "fast-check";
import { expect, test } from "vitest";
import { usdPerHour } from "../../../lambdas/planning/hourly-price.ts";
import { maxHours } from "../../../lambdas/teardown/cluster-age.ts";
import { aPlan } from "../fixtures.ts";

/** Of core nodes, too, so that any number of them has a type. */
const { cluster } = aPlan("data", {}, { coreType: "m5.4xlarge", coreCount: 1 });

test("a cluster costs no more than the ceiling, or an hour, however many nodes it comes to", () => {
  const nodes = fc.record({ coreCount: fc.nat({ max: 20 }), more: fc.nat({ max: 10 }) });
  fc.assert(
    fc.property(nodes, fc.double({ min: 0.01, max: 1_000, noNaN: true }), ({ coreCount, more }, maxCostUsd) => {
      const largest = { ...cluster, coreCount, maxCoreCount: coreCount + more };
      const hourly = usdPerHour({ ...largest, coreCount: largest.maxCoreCount });

      expect(maxHours(largest, maxCostUsd) * hourly).toBeLessThanOrEqual(Math.max(maxCostUsd, hourly) + 1e-9);
    }),
  );
});
