import { type ExecutionListItem, ListExecutionsCommand, SFNClient } from "@aws-sdk/client-sfn";
import { expect, test } from "vitest";
import { takeTurn } from "../../../lambdas/planning/overlap.ts";
import { takeTurnEventSchema } from "../../../lambdas/take-turn.ts";
import { anExecution } from "../fixtures.ts";
import { measured } from "../measured.ts";

function at(seconds: number): Date {
  return new Date(1_767_225_600_000 + 1_000 * seconds);
}
function listed(name: string, startDate: Date): ExecutionListItem {
  return {
    executionArn: anExecution(name).id,
    stateMachineArn: undefined,
    name,
    status: "RUNNING",
    startDate,
  };
}

/** A client that lists these executions one page at a time, and the requests that it received. */
function stepFunctions(...pages: readonly ExecutionListItem[]) {
  const requests: unknown[] = [];
  const sfn = new SFNClient({});
  sfn.send = (async (command: unknown) => {
    if (!(command instanceof ListExecutionsCommand)) throw new Error(`No answer to ${String(command)}`);
    requests.push(command.input);
    const index = Number(command.input.nextToken ?? 0);
    const next = index + 1 < pages.length ? { nextToken: String(index + 1) } : {};
    return { executions: pages.slice(index, index + 1), ...next };
  }) as SFNClient["send"];
  return { sfn, requests };
}

function event(input: unknown, name = "run-5", startTime = at(5).toISOString()) {
  return takeTurnEventSchema.parse({ state: { input }, execution: { ...anExecution(name), startTime } });
}

const ours = listed("run-5", at(5));
const isOurs = { isOurs: true, inTheWay: null };

test.each([{ overlap: "allow" }, {}, { overlap: 7 }, { overlap: "skpi" }, "text", [1], null])(
  "lists no executions if the input allows overlaps or is invalid: %j",
  async (input) => {
    const { sfn, requests } = stepFunctions(listed("run-1", at(1)));

    expect(await takeTurn(event(input), sfn)).toEqual(isOurs);

    expect(requests).toEqual([]);
  },
);

test.each(["skip", "queue"])("starts if no earlier execution runs: %s", async (overlap) => {
  for (const pages of [[], [ours], [listed("run-9", at(9)), ours], [listed("run-9", at(9))]]) {
    const { sfn, requests } = stepFunctions(...pages);

    expect(await takeTurn(event({ overlap }), sfn)).toEqual(isOurs);

    const stateMachineArn = "arn:aws:states:eu-west-1:000000000000:stateMachine:Orchard";
    expect(requests[0]).toMatchObject({ stateMachineArn, statusFilter: "RUNNING" });
  }
});

test("is skipped if an earlier execution runs, even on a later page, and counts it", async () => {
  const { sfn } = stepFunctions(listed("run-9", at(9)), ours, listed("run-1", at(1)));

  const turn = await takeTurn(event({ overlap: "skip" }), sfn);

  expect(turn).toEqual({
    isOurs: false,
    inTheWay: { executionArn: anExecution("run-1").id, startedAt: at(1).toISOString() },
  });
  expect(measured()).toEqual({ SkippedExecutions: [1, "Count"] });
});

test("waits if an earlier execution runs", async () => {
  const { sfn } = stepFunctions(listed("run-1", at(1)), ours);

  await expect(takeTurn(event({ overlap: "queue" }), sfn)).rejects.toMatchObject({
    name: "OtherExecutionRunning",
    message: expect.stringContaining(anExecution("run-1").id),
  });
});

test("only one of two executions that started at the same time continues, even if start times differ in precision", async () => {
  const both = [listed("run-a", at(5)), listed("run-b", at(5))];
  const startTime = new Date(at(5).getTime() + 400).toISOString();

  const turns = await Promise.all(
    ["run-a", "run-b"].map((name) => takeTurn(event({ overlap: "skip" }, name, startTime), stepFunctions(...both).sfn)),
  );

  expect(turns.map((turn) => turn.isOurs)).toEqual([true, false]);
});

test("passes on an error of Step Functions, since the order is unknown then", async () => {
  const { sfn } = stepFunctions();
  sfn.send = () => Promise.reject(Object.assign(new Error("No"), { name: "AccessDeniedException" }));

  await expect(takeTurn(event({ overlap: "skip" }), sfn)).rejects.toMatchObject({ name: "AccessDeniedException" });
});
