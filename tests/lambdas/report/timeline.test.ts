import type { Cluster, StepSummary } from "@aws-sdk/client-emr";
import type { HistoryEvent } from "@aws-sdk/client-sfn";
import { expect, test } from "vitest";
import { clusterSpans, stateSpans } from "../../../lambdas/report/timeline.ts";
import { minutesLater, startedAt, writtenAt } from "./a-run.ts";

function enter(name: string, minutes: number): HistoryEvent {
  return { id: 1, type: "TaskStateEntered", timestamp: minutesLater(minutes), stateEnteredEventDetails: { name } };
}

function leave(name: string, minutes: number): HistoryEvent {
  return { id: 1, type: "TaskStateExited", timestamp: minutesLater(minutes), stateExitedEventDetails: { name } };
}

test("has a bar for each state that was left, and none for the state that writes the report", () => {
  const events: readonly HistoryEvent[] = [
    enter("Preflight", 0),
    leave("Preflight", 1),
    enter("Inventory", 2),
    { id: 1, type: "TaskFailed", timestamp: minutesLater(3) },
    leave("Inventory", 4),
    enter("WriteReport", 5),
  ];

  expect(stateSpans(events)).toEqual([
    {
      kind: "state",
      name: "Preflight",
      startedAt: startedAt.getTime(),
      endedAt: minutesLater(1).getTime(),
      outcome: "succeeded",
    },
    {
      kind: "state",
      name: "Inventory",
      startedAt: minutesLater(2).getTime(),
      endedAt: minutesLater(4).getTime(),
      outcome: "failed",
    },
  ]);
});

function step(Name: string, State: "COMPLETED" | "FAILED" | "RUNNING" | "CANCELLED", from?: number, to?: number) {
  const Timeline = {
    ...(from !== undefined && { StartDateTime: minutesLater(from) }),
    ...(to !== undefined && { EndDateTime: minutesLater(to) }),
  };
  return { Name, Status: { State, Timeline } } satisfies StepSummary;
}

const steps = [
  step("Inventory", "COMPLETED", 5, 6),
  step("ExtractFeatures", "FAILED", 6, 9),
  step("ReduceDimensions", "RUNNING", 9),
  step("never started", "CANCELLED"),
];

test.each([
  ["TERMINATED", "succeeded", 20],
  ["TERMINATED_WITH_ERRORS", "failed", 20],
  ["WAITING", "running", undefined],
] as const)("a cluster that is %s has %s", (State, outcome, ended) => {
  const cluster: Cluster = {
    Id: "j-1",
    Status: {
      State,
      Timeline: {
        CreationDateTime: minutesLater(1),
        ...(ended !== undefined && { EndDateTime: minutesLater(ended) }),
      },
    },
  };

  const [bar, ...ofSteps] = clusterSpans({ cluster, steps }, startedAt, writtenAt);

  expect(bar).toEqual({
    kind: "cluster",
    name: "j-1",
    startedAt: minutesLater(1).getTime(),
    endedAt: minutesLater(ended ?? 30).getTime(),
    outcome,
  });
  expect(ofSteps.map(({ name, outcome: end, endedAt }) => [name, end, endedAt])).toEqual([
    ["Inventory", "succeeded", minutesLater(6).getTime()],
    ["ExtractFeatures", "failed", minutesLater(9).getTime()],
    ["ReduceDimensions", "running", writtenAt.getTime()],
  ]);
});

test("the bar of a reused cluster begins with the execution", () => {
  const cluster: Cluster = {
    Id: "j-1",
    Status: { State: "WAITING", Timeline: { CreationDateTime: minutesLater(-90) } },
  };

  expect(clusterSpans({ cluster, steps: [] }, startedAt, writtenAt)[0]?.startedAt).toBe(startedAt.getTime());
});
