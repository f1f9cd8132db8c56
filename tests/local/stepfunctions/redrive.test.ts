import { existsSync } from "node:fs";
import { join } from "node:path";
import { RedriveExecutionCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { expect, test } from "vitest";
import { until } from "../account-fixtures.ts";
import {
  account,
  describeExecution,
  ended,
  history,
  invoke,
  machine,
  sfn,
  start,
  useStateMachines,
} from "./state-machine-fixtures.ts";

useStateMachines();

function redrive(executionArn: string, more: object = {}) {
  return sfn.send(new RedriveExecutionCommand({ executionArn, ...more }));
}

test("a redrive of an execution that ended in a Fail state enters that state again", async () => {
  const arn = await machine("redriven-failure", {
    Ask: invoke(
      { throw: true },
      { End: undefined, Next: "Done", Catch: [{ ErrorEquals: ["States.ALL"], Next: "No" }] },
    ),
    No: { Type: "Fail", ErrorPath: "$.Error", CausePath: "$.Cause" },
    Done: { Type: "Succeed" },
  });
  const executionArn = await start(arn);
  const first = await ended(executionArn);

  const { redriveDate } = await redrive(executionArn);

  const second = await ended(executionArn);
  expect(first).toMatchObject({ status: "FAILED", redriveCount: 0, redriveStatus: "REDRIVABLE" });
  expect(second).toMatchObject({ ...first, $metadata: expect.anything(), redriveCount: 1, stopDate: expect.any(Date) });
  expect(second.redriveDate).toEqual(redriveDate);
  const events = await history(executionArn);
  expect(events.slice(-4).map(({ type, id, previousEventId }) => ({ type, id, previousEventId }))).toEqual([
    { type: "ExecutionFailed", id: 8, previousEventId: 7 },
    { type: "ExecutionRedriven", id: 9, previousEventId: 8 },
    { type: "FailStateEntered", id: 10, previousEventId: 9 },
    { type: "ExecutionFailed", id: 11, previousEventId: 10 },
  ]);
  expect(events[8]?.executionRedrivenEventDetails).toEqual({ redriveCount: 1 });
});

test.each(["ABORTED", "TIMED_OUT"] as const)(
  "a redrive of an execution that was %s resumes at its state, with that state's input and a fresh time-out",
  async (status) => {
    const marker = join(account.directory, status);
    const states = {
      Take: {
        Type: "Pass",
        Parameters: { "marker.$": "$.marker", "startTime.$": "$$.Execution.StartTime" },
        Next: "Ask",
      },
      Ask: {
        Type: "Task",
        Resource: "arn:aws:states:::lambda:invoke",
        Parameters: {
          FunctionName: "second-time",
          Payload: {
            "marker.$": "$.marker",
            "startTime.$": "$$.Execution.StartTime",
            "count.$": "$$.Execution.RedriveCount",
          },
        },
        ResultSelector: { "answer.$": "$.Payload" },
        ResultPath: "$.asked",
        End: true,
      },
    };
    const arn = await machine(`redriven-${status}`, states, { TimeoutSeconds: 5 });
    const executionArn = await start(arn, { input: JSON.stringify({ marker }) });
    await until(async () => existsSync(marker), Boolean);
    if (status === "ABORTED") await sfn.send(new StopExecutionCommand({ executionArn }));
    const first = await ended(executionArn);

    await redrive(executionArn);

    const running = await describeExecution(executionArn);
    const second = await ended(executionArn);
    expect(first).toMatchObject({ status, redriveStatus: "REDRIVABLE" });
    expect(running).toMatchObject({ status: "RUNNING", redriveCount: 1, redriveStatus: "NOT_REDRIVABLE" });
    expect(running.stopDate).toBeUndefined();
    expect(running.error).toBeUndefined();
    expect(second).toMatchObject({ status: "SUCCEEDED", startDate: first.startDate, redriveCount: 1 });
    const { startTime, asked } = JSON.parse(second.output ?? "");
    expect(asked.answer).toEqual({ startTime, count: 1 });
    expect(startTime).toBe(first.startDate?.toISOString());
    const types = (await history(executionArn)).map(({ type }) => type);
    expect(types.slice(types.indexOf("ExecutionRedriven"))).toEqual([
      "ExecutionRedriven",
      "TaskScheduled",
      "TaskStarted",
      "TaskSucceeded",
      "TaskStateExited",
      "ExecutionSucceeded",
    ]);
    expect(types.filter((type) => type === "PassStateEntered")).toHaveLength(1);
  },
  60_000,
);

test("RedriveExecution refuses running and succeeded executions, and a client token redrives once", async () => {
  const arn = await machine("redrives", { Rest: { Type: "Wait", SecondsPath: "$.seconds", End: true } });
  const long = await start(arn, { input: '{"seconds":600}' });
  const short = await start(arn, { input: '{"seconds":0}' });
  await ended(short);

  await expect(redrive(long)).rejects.toMatchObject({ name: "ExecutionNotRedrivable" });
  await expect(redrive(short)).rejects.toMatchObject({ name: "ExecutionNotRedrivable" });
  await expect(redrive(`${short}x`)).rejects.toMatchObject({ name: "ExecutionDoesNotExist" });

  await sfn.send(new StopExecutionCommand({ executionArn: long }));
  const once = await redrive(long, { clientToken: "once" });
  const again = await redrive(long, { clientToken: "once" });

  expect(again.redriveDate).toEqual(once.redriveDate);
  expect(await describeExecution(long)).toMatchObject({ status: "RUNNING", redriveCount: 1 });
  await sfn.send(new StopExecutionCommand({ executionArn: long }));
});
