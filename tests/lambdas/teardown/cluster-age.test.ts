import fc from "fast-check";
import { expect, test } from "vitest";
import { usdPerHour } from "../../../lambdas/planning/hourly-price.ts";
import { ageMs, maxHours } from "../../../lambdas/teardown/cluster-age.ts";
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

test("is the budget's hours, rounded down to hundredths, and at least one hour", () => {
  const hourly = usdPerHour({ ...cluster, coreCount: cluster.maxCoreCount });

  expect(maxHours(cluster, hourly * 2.349)).toBe(2.34);
  expect(maxHours(cluster, hourly * 0.5)).toBe(1);
});

test("a cluster's age ends with the cluster, and is 0 as long as EMR does not know its creation", () => {
  const created = new Date("2026-01-01T00:00:00Z");
  const ended = new Date("2026-01-01T01:00:00Z");
  const now = new Date("2026-01-01T03:00:00Z");

  expect(ageMs({ Status: { Timeline: { CreationDateTime: created } } }, now)).toBe(3 * 3_600_000);
  expect(ageMs({ Status: { Timeline: { CreationDateTime: created, EndDateTime: ended } } }, now)).toBe(3_600_000);
  expect([{}, { Status: {} }, { Status: { Timeline: {} } }].map((cluster) => ageMs(cluster, now))).toEqual([0, 0, 0]);
});
