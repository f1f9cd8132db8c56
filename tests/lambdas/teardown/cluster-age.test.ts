import fc from "fast-check";
import { expect, test } from "vitest";
import { usdPerHour } from "../../../lambdas/planning/hourly-price.ts";
import { maxHours } from "../../../lambdas/teardown/cluster-age.ts";
import { aPlan } from "../fixtures.ts";

/** Has a core node, so that clusters of any size can be derived from it. */
const { cluster } = aPlan("data", {}, { coreType: "m5.4xlarge", coreCount: 1 });

test("a cluster at maxHours has cost at most maxCostUsd, or one hour, whatever its size", () => {
  const nodes = fc.record({ coreCount: fc.nat({ max: 20 }), more: fc.nat({ max: 10 }) });
  fc.assert(
    fc.property(nodes, fc.double({ min: 0.01, max: 1_000, noNaN: true }), ({ coreCount, more }, maxCostUsd) => {
      const largest = { ...cluster, coreCount, maxCoreCount: coreCount + more };
      const hourly = usdPerHour({ ...largest, coreCount: largest.maxCoreCount });

      expect(maxHours(largest, maxCostUsd) * hourly).toBeLessThanOrEqual(Math.max(maxCostUsd, hourly) + 1e-9);
    }),
  );
});
