import type { HistoryEvent } from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { listVisits } from "../../../lambdas/aws/state-visits.ts";

function at(second: number): Date {
  return new Date(second * 1_000);
}
function event(second: number, type: string, name?: string): HistoryEvent {
  return {
    id: second,
    type,
    timestamp: at(second),
    ...(name && type.endsWith("Entered") ? { stateEnteredEventDetails: { name } } : {}),
  } as HistoryEvent;
}

describe("listVisits", () => {
  it("lists the Task states with the times of entering and leaving", () => {
    const visits = listVisits([
      event(1, "ExecutionStarted"),
      event(2, "ChoiceStateEntered", "NeedsTurn"),
      event(3, "ChoiceStateExited"),
      event(4, "TaskStateEntered", "Preflight"),
      event(5, "LambdaFunctionScheduled"),
      event(6, "LambdaFunctionSucceeded"),
      event(7, "TaskStateExited"),
      event(8, "ChoiceStateEntered", "AnythingToDo"),
      event(9, "ChoiceStateExited"),
      event(10, "TaskStateEntered", "UploadScripts"),
    ]);
    expect(visits).toEqual([
      { name: "Preflight", enteredAt: at(4), leftAt: at(7), failed: false, retries: 0 },
      { name: "UploadScripts", enteredAt: at(10), failed: false, retries: 0 },
    ]);
  });

  it("distinguishes a retried attempt from a failed state", () => {
    const [retried, failed] = listVisits([
      event(1, "TaskStateEntered", "Inventory"),
      event(2, "TaskScheduled"),
      event(3, "TaskFailed"),
      event(4, "TaskScheduled"),
      event(5, "TaskSucceeded"),
      event(6, "TaskStateExited"),
      event(7, "TaskStateEntered", "ExtractFeatures"),
      event(8, "TaskScheduled"),
      event(9, "TaskTimedOut"),
      event(10, "TaskStateExited"),
    ]);
    expect(retried).toMatchObject({ failed: false, retries: 1 });
    expect(failed).toMatchObject({ failed: true, retries: 0 });
  });

  it("reopens the interrupted state when the execution is redriven", () => {
    const visits = listVisits([
      event(1, "TaskStateEntered", "CreateCluster"),
      event(2, "TaskScheduled"),
      event(5, "ExecutionAborted"),
      event(6, "ExecutionRedriven"),
      event(7, "TaskScheduled"),
      event(8, "TaskSucceeded"),
      event(9, "TaskStateExited"),
      event(10, "FailStateEntered", "Failed"),
      event(11, "ExecutionFailed"),
      event(12, "ExecutionRedriven"),
      event(13, "FailStateEntered", "Failed"),
    ]);
    expect(visits).toEqual([{ name: "CreateCluster", enteredAt: at(1), leftAt: at(9), failed: false, retries: 1 }]);
  });

  it("closes the state in which an execution was stopped", () => {
    const visits = listVisits([event(1, "TaskStateEntered", "CreateCluster"), event(5, "ExecutionAborted")]);
    expect(visits).toEqual([{ name: "CreateCluster", enteredAt: at(1), leftAt: at(5), failed: true, retries: 0 }]);
  });
});
