import fc from "fast-check";
import { expect, test } from "vitest";
import { instanceTypes } from "../../../lambdas/catalog/instance-types.ts";
import { describeScale, scaleCluster } from "../../../local/emr/yarn/yarn-scale.ts";

test("a cluster that this machine carries has its planned nodes, with YARN's memory of their type on EMR", () => {
  const scale = scaleCluster("m5.2xlarge", 2, 24_000);

  expect(scale).toMatchObject({ nodes: 2, memoryMiB: 24_576, vcpus: 8 });
  expect(describeScale(scale)).toBe(
    "YARN: 2 NodeManagers (as planned), each with the 24576 MiB of m5.2xlarge on EMR: 49152 MiB in all, 2.05 times the " +
      "24000 MiB of this machine. Each container is limited to its own size.",
  );
});

test("a larger cluster is scaled down, by a factor that is stated", () => {
  const scale = scaleCluster("m5.xlarge", 10, 8_192);

  expect(scale.nodes).toBe(2);
  expect(describeScale(scale)).toContain("2 NodeManagers (of 10 planned, a factor of 0.20)");
});

test("there is at least one node and at most the planned ones, and more memory never means fewer", () => {
  const type = fc.constantFrom(...Object.keys(instanceTypes));
  const memory = fc.integer({ min: 512, max: 1_000_000 });
  fc.assert(
    fc.property(type, fc.integer({ min: 1, max: 50 }), memory, memory, (name, planned, one, more) => {
      const { nodes } = scaleCluster(name, planned, one);

      expect(nodes).toBeGreaterThanOrEqual(1);
      expect(nodes).toBeLessThanOrEqual(planned);
      expect(scaleCluster(name, planned, one + more).nodes).toBeGreaterThanOrEqual(nodes);
    }),
  );
});
