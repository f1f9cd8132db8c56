import { expect, test } from "vitest";
import { instanceType } from "../../../lambdas/catalog/instance-types.ts";
import { shapeOf, workersOf } from "../../../lambdas/planning/cluster-shape.ts";
import { planCluster } from "../../../lambdas/planning/planner.ts";
import { choosePrecision, precisionWarnings } from "../../../lambdas/planning/precision.ts";
import { everyStep, planRequest } from "./plan-request.ts";

/** Plans a run for which somebody has asked for bf16. */
function plan(images: number, overrides: object = {}, given: object = {}) {
  const request = planRequest(images, { overrides }, given);
  const precision = choosePrecision("bf16", undefined, request);
  const work = { images, newImages: images, steps: everyStep, precision };
  return { precision, ...planCluster({ ...request, work }) };
}

function workers({ cluster }: ReturnType<typeof plan>): readonly string[] {
  return workersOf(shapeOf(cluster)).types;
}

test.each([
  [{}, {}],
  [{ coreCount: 0 }, {}],
  [{ coreCount: 3 }, {}],
  // Its executors run on core nodes of any type.
  [{ primaryType: "m5.xlarge" }, {}],
  [{ coreType: "m7i.xlarge" }, {}],
  [{ coreType: "c7a.2xlarge" }, { coreTypes: ["m5.2xlarge"] }],
  [{}, { coreTypes: ["m7i.2xlarge", "c7i.2xlarge"] }],
])("the executors of a run in bf16 are on processors that compute in it: %j, %j", (overrides, given) => {
  for (const images of [300, 1_000_000]) {
    const planned = plan(images, overrides, given);

    expect(planned.precision).toBe("bf16");
    expect(planned.problems).toEqual([]);
    expect(workers(planned).length).toBeGreaterThan(0);
    for (const type of workers(planned)) expect(instanceType(type).computesBf16).toBe(true);
    expect(planned.estimate.arithmetic).toContain(" images/s a core in bf16 / ");
  }
});

test.each([
  [{ coreType: "m5.xlarge" }, {}, "m5.xlarge"],
  [{ coreType: "m6i.2xlarge" }, {}, "m6i.2xlarge"],
  [{ primaryType: "c5.2xlarge", coreCount: 0 }, {}, "c5.2xlarge"],
  // EC2 may provide either of them.
  [{}, { coreTypes: ["m7i.xlarge", "m5.xlarge"] }, "m7i.xlarge or m5.xlarge"],
  // Graviton computes in bf16, but OpenVINO cannot be installed there.
  [{}, { architecture: "arm64" }, "m7g.xlarge or m8g.xlarge"],
])("a run on other processors takes float32, and says so: %j, %j", (overrides, given, types) => {
  const planned = plan(300, overrides, given);

  expect(planned.precision).toBe("float32");
  expect(planned.estimate.arithmetic).not.toContain("bf16");
  expect(precisionWarnings("bf16", planned.precision, planned.cluster)).toEqual([
    `bf16 gains nothing on ${types}: the features are computed in float32, and go to its features store. Instance types ` +
      "that compute in bf16: m7i, m7a, c7i, c7a, of the architecture x86_64",
  ]);
});

test("a kept cluster decides by its own nodes", () => {
  const choices = planRequest(300);
  const [m5, m7i] = ["m5.xlarge", "m7i.xlarge"].map((coreType) => plan(300, { coreType }).cluster);

  expect(choosePrecision("bf16", m5, choices)).toBe("float32");
  expect(choosePrecision("bf16", m7i, choices)).toBe("bf16");
  expect(choosePrecision("float32", m7i, choices)).toBe("float32");
});

test("bf16 takes fewer minutes on the same nodes, and costs less", () => {
  const overrides = { coreType: "m7a.2xlarge", coreCount: 2 };
  const float32 = planCluster(planRequest(1_000_000, { overrides })).estimate;

  const bf16 = plan(1_000_000, overrides).estimate;

  expect(bf16.minutes).toBeLessThan(float32.minutes);
  expect(bf16.usd).toBeLessThan(float32.usd);
});

test("nobody who asks for float32 gets another cluster than before there was bf16", () => {
  const request = planRequest(300);

  expect(choosePrecision("float32", undefined, request)).toBe("float32");
  expect(precisionWarnings("float32", "float32", planCluster(request).cluster)).toEqual([]);
  expect(planCluster(request).cluster.primaryType).toBe("m5.xlarge");
});
