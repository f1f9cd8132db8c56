import { DescribeExecutionCommand, RedriveExecutionCommand, SFNClient } from "@aws-sdk/client-sfn";
import { beforeEach, describe, expect, it } from "vitest";
import { type Clients, createClients } from "../../../cli/account/aws-clients.ts";
import type { Run } from "../../../cli/execution/find-run.ts";
import { chooseAttempt, readInput, redriveRun } from "../../../cli/execution/redrive-run.ts";
import { Lifetime } from "../../../cli/terminal/lifetime.ts";
import { EmrDouble } from "../../doubles/emr.ts";
import { aPlan } from "../../lambdas/fixtures.ts";

const run = {
  runId: "run-1",
  arn: "arn:aws:states:eu-west-1:123456789012:execution:Orchard:run-1",
  status: "ABORTED",
  startedAt: new Date("2026-01-02T03:00:00Z"),
  endedAt: new Date("2026-01-02T04:00:00Z"),
} as const satisfies Run;

let emr: EmrDouble;
let events: unknown[];
let descriptions: object[];
let sent: unknown[];
let clients: Clients;
beforeEach(() => {
  emr = new EmrDouble();
  events = [];
  descriptions = [{ redriveStatus: "REDRIVABLE", input: '{"mode":"mini"}' }];
  sent = [];
  const send = async (command: unknown): Promise<unknown> => {
    if (command instanceof RedriveExecutionCommand) sent.push(command.input);
    if (!(command instanceof DescribeExecutionCommand)) return { events };
    return descriptions.length > 1 ? descriptions.shift() : descriptions[0];
  };
  // The paginators of the SDK accept only instances of its client.
  const sfn: SFNClient = Object.assign(Object.create(SFNClient.prototype), { send });
  clients = { ...createClients({ AWS_REGION: "eu-west-1" }), emr: emr.client, sfn };
});

/** Lets the run end in a state, with its state data. */
function endIn(name: string, data: object): void {
  const input = JSON.stringify({ input: { mode: "mini" }, ...data });
  events = [
    { stateEnteredEventDetails: { name: "TakeInput", input: '{"mode":"mini"}' } },
    { stateEnteredEventDetails: { name, input } },
  ];
}

function createCluster(State: "RUNNING" | "TERMINATING" | "TERMINATED"): string {
  return emr.create("orchard-run-1", {}, { Status: { State } });
}

describe("chooseAttempt", () => {
  it.each([
    ["TakeTurn", {}],
    ["Preflight", {}],
    ["CreateCluster", { plan: aPlan("data") }],
  ])("redrives a run that ended in %s, before it had a cluster", async (state, data) => {
    endIn(state, data);

    expect(await chooseAttempt(clients, run)).toEqual({
      action: "redrive",
      reason: `it was ABORTED in ${state}, where it can go on`,
    });
  });

  it.each(["RUNNING", "TERMINATING", "TERMINATED"] as const)(
    "redrives a step only on a cluster that can run it, and not on one that is %s otherwise",
    async (state) => {
      const id = createCluster(state);
      endIn("ExtractFeatures", { plan: aPlan("data"), cluster: { id } });

      const { action, reason } = await chooseAttempt(clients, run);

      expect(action).toBe(state === "RUNNING" ? "redrive" : "rerun");
      expect(reason).toContain(state === "RUNNING" ? "ExtractFeatures" : `cluster ${id} is ${state}`);
    },
  );

  it("reruns a step whose cluster EMR has forgotten", async () => {
    endIn("Inventory", { plan: aPlan("data"), cluster: { id: "j-9" } });

    expect(await chooseAttempt(clients, run)).toMatchObject({ action: "rerun" });
  });

  it.each([
    [0, "redrive"],
    [60, "rerun"],
  ])("validates without a cluster, unless the run keeps it: %i minutes", async (keepMinutes, action) => {
    const plan = { ...aPlan("data"), keepMinutes };
    endIn("ValidateResults", { plan, cluster: { id: createCluster("TERMINATED") } });

    expect(await chooseAttempt(clients, run)).toMatchObject({ action });
  });

  it("reruns a run that has failed and cleaned up, because a redrive would fail again at once", async () => {
    endIn("Failed", { error: { Error: "ResultsInvalid", Cause: "rows" } });

    expect(await chooseAttempt(clients, { ...run, status: "FAILED" })).toEqual({
      action: "rerun",
      reason: "it has cleaned up after ResultsInvalid, and a redrive would fail again at once",
    });
  });

  it("reruns what Step Functions does not redrive, with its reason", async () => {
    descriptions = [{ redriveStatus: "NOT_REDRIVABLE", redriveStatusReason: "Execution ended more than 14 days ago" }];

    expect(await chooseAttempt(clients, run)).toEqual({
      action: "rerun",
      reason: "Execution ended more than 14 days ago",
    });
  });

  it("redrives a run that ended in its first state, whatever its input was", async () => {
    events = [{ stateEnteredEventDetails: { name: "TakeInput", input: '["no","object"]' } }];

    expect(await chooseAttempt(clients, run)).toMatchObject({ action: "redrive" });
  });

  it.each(["RUNNING", "PENDING_REDRIVE", "SUCCEEDED"] as const)("refuses a run that is %s", async (status) => {
    await expect(chooseAttempt(clients, { ...run, status })).rejects.toMatchObject({ name: "UsageError" });
  });
});

describe("readInput", () => {
  it("reads the input of a run for another one, and refuses what is no object", async () => {
    expect(await readInput(clients, run)).toEqual({ mode: "mini" });
    descriptions = [{ input: '["no","object"]' }];
    await expect(readInput(clients, run)).rejects.toMatchObject({ name: "UsageError" });
  });
});

describe("redriveRun", () => {
  it("waits until DescribeExecution tells of the redrive", async () => {
    const before = { status: "ABORTED", redriveCount: 1 };
    descriptions = [before, before, { status: "RUNNING", redriveCount: 2 }];

    await redriveRun(new Lifetime(), clients, run);

    expect(sent).toEqual([{ executionArn: run.arn }]);
    expect(descriptions).toHaveLength(1);
  });
});
