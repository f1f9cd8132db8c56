import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HistoryEvent } from "../../../pages/console/console-data.ts";
import { functionIn, listVisits, statesOf } from "../../../pages/console/state-visits.ts";

/** Numbers events as Step Functions does, a second after each other. */
function history(...events: readonly (readonly [type: string, details?: object])[]): readonly HistoryEvent[] {
  return events.map(([type, details], index) => ({
    id: index + 1,
    previousEventId: index,
    timestamp: index,
    type,
    ...(details ? { [`${type}EventDetails`]: details } : {}),
  }));
}

const started = ["ExecutionStarted"] as const;
const scheduled = ["LambdaFunctionScheduled"] as const;
const failed = ["LambdaFunctionFailed", { error: "InvalidInput", cause: "no mode" }] as const;
function entered(name: string, type = "Task") {
  return [`${type}StateEntered`, { name }] as const;
}
function exited(name: string, type = "Task") {
  return [`${type}StateExited`, { name }] as const;
}

describe("listVisits", () => {
  it("colours a state while it runs and when it has succeeded", () => {
    const visits = listVisits(history(started, entered("A"), scheduled, exited("A"), entered("B", "Choice")));

    expect(visits).toMatchObject([
      { state: "A", status: "Succeeded", enteredAt: 1, leftAt: 3, firstEvent: 2, lastEvent: 4 },
      { state: "B", status: "In progress", enteredAt: 4, firstEvent: 5 },
    ]);
  });

  it.each([
    ["with an exit, as on AWS", [exited("A")]],
    ["without one", []],
  ])("shows an error that a Catch handles, %s", (_, exit) => {
    const visits = listVisits(history(started, entered("A"), scheduled, failed, ...exit, entered("B", "Pass")));

    expect(visits[0]).toMatchObject({ status: "Caught error", error: "InvalidInput", cause: "no mode" });
    expect(visits[1]).toMatchObject({ state: "B", status: "In progress" });
  });

  it("counts further attempts, and forgets the error of a failed one", () => {
    const visits = listVisits(history(started, entered("A"), scheduled, failed, scheduled, exited("A")));

    expect(visits).toMatchObject([{ status: "Succeeded", retries: 1, error: undefined }]);
  });

  it.each([
    ["ExecutionFailed", "Failed"],
    ["ExecutionTimedOut", "Failed"],
    ["ExecutionAborted", "Canceled"],
  ])("ends the last state with %s as %s", (type, status) => {
    const visits = listVisits(history(started, entered("A"), [type, { error: "Stopped", cause: "by a person" }]));

    expect(visits).toMatchObject([{ status, error: "Stopped", cause: "by a person", leftAt: 2 }]);
  });

  it("opens the Task again at which a redrive goes on", () => {
    const stopped = [started, entered("A"), scheduled, ["ExecutionAborted", {}], ["ExecutionRedriven", {}]] as const;

    expect(listVisits(history(...stopped, scheduled))).toMatchObject([
      { state: "A", status: "In progress", leftAt: undefined, error: undefined },
    ]);
    expect(listVisits(history(...stopped, entered("A")))).toHaveLength(2);
  });

  it("has at most one open visit, whatever the events", () => {
    const names = fc.constantFrom("A", "B");
    const event = fc.oneof(
      names.map((name) => entered(name)),
      names.map((name) => exited(name)),
      fc.constantFrom(scheduled, failed, ["ExecutionRedriven"], ["ExecutionAborted", {}], ["ExecutionSucceeded", {}]),
    );
    fc.assert(
      fc.property(fc.array(event as fc.Arbitrary<readonly [string, object?]>), (events) => {
        const visits = listVisits(history(started, ...events));

        const open = visits.filter(({ leftAt }) => leftAt === undefined);
        expect(open.length).toBeLessThanOrEqual(1);
        expect(open.every(({ status }) => status === "In progress")).toBe(true);
        expect(visits.filter(({ status }) => status === "In progress")).toEqual(open);
      }),
      { numRuns: 50 },
    );
  });
});

describe("statesOf", () => {
  const visits = listVisits(history(started, entered("A"), exited("A")));

  it("says which states have not started yet, and which an ended execution skipped", () => {
    expect([...statesOf(["A", "B"], visits, "RUNNING").values()]).toEqual(["Succeeded", "Not started"]);
    expect([...statesOf(["A", "B"], visits, "SUCCEEDED").values()]).toEqual(["Succeeded", "Skipped"]);
  });
});

describe("functionIn", () => {
  it.each([
    ["arn:aws:lambda:eu-central-1:000000000000:function:Orchard-Preflight:1", "Orchard-Preflight"],
    ["arn:aws-cn:lambda:cn-north-1:123456789012:function:f", "f"],
    ["arn:aws:states:::elasticmapreduce:addStep.sync", undefined],
    [undefined, undefined],
  ])("finds the function of %s", (arn, name) => {
    expect(functionIn(arn)).toBe(name);
  });
});
