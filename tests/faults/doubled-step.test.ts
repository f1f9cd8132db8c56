import { expect, it } from "vitest";
import { deploy } from "./account/deployed.ts";
import type { Simulation } from "./account/simulation.ts";
import { violationsOf } from "./invariants/all-invariants.ts";
import { findFailure } from "./scenarios/failures.ts";
import { play } from "./scenarios/play.ts";

const deployed = deploy();
const operation = "emr:DescribeStep";

function minutesOf({ executions: [execution] }: Simulation): number {
  return ((execution?.endedAt ?? Number.NaN) - (execution?.startedAt ?? 0)) / 60_000;
}

// Step Functions guide, "Create and manage Amazon EMR clusters": every error of EMR has the name that the Retry matches.
it("a poll that EMR throttles adds the step again, which finds its work done and costs a minute of polling", async () => {
  const undisturbed = await play(deployed, { name: "no fault", faults: [] });

  const simulation = await play(deployed, {
    name: "throttled poll",
    faults: [
      {
        state: "ExtractFeatures",
        operation,
        failure: findFailure(operation, "ThrottlingException"),
        times: 1,
        skip: 1,
      },
    ],
  });

  const [cluster] = simulation.createdClusters;
  const doubled = (cluster?.steps ?? []).filter(({ Name: name }) => name === "ExtractFeatures");
  const [firstEnd = 0, secondEnd = 0] = doubled.map(({ Status: { Timeline: timeline } }) => timeline.EndDateTime ?? 0);
  expect(doubled).toHaveLength(2);
  expect(secondEnd - firstEnd).toBeGreaterThan(0);
  expect(secondEnd - firstEnd).toBeLessThan(60);
  expect(minutesOf(simulation) - minutesOf(undisturbed)).toBeLessThan(2.5);
  expect(violationsOf(simulation)).toEqual([]);
});
