import { DescribeExecutionCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { beforeEach, describe, expect, it, test, vi } from "vitest";
import type { Clients } from "../../../cli/account/aws-clients.ts";
import type { Run } from "../../../cli/execution/find-run.ts";
import { requireTerminable } from "../../../cli/execution/named-cluster.ts";
import { isRunning, stopRun } from "../../../cli/execution/stop-run.ts";
import { Lifetime } from "../../../cli/terminal/lifetime.ts";
import { EmrDouble } from "../../doubles/emr.ts";
import { polling } from "../../doubles/polls.ts";

let emr: EmrDouble;
vi.mock("../../../shared/wait-until.ts", () => import("../../doubles/polls.ts"));

const arn = "arn:aws:states:eu-west-1:000000000000:execution:Orchard:mine";
const run: Run = { runId: "mine", arn, status: "RUNNING", startedAt: new Date(), endedAt: undefined };
const create = (executionArn = arn) => emr.create("orchard-mine", { "orchard:execution-arn": executionArn });
let sent: unknown[];
let log: string[];
const stop = (status = "ABORTED") => {
  const sfn = {
    send: async (command: unknown) => {
      sent.push(command);
      return command instanceof DescribeExecutionCommand ? { status } : {};
    },
  };
  return stopRun(new Lifetime(), { emr: emr.client, sfn } as unknown as Clients, run, (line) => log.push(line));
};

beforeEach(() => {
  emr = new EmrDouble();
  polling.afterPoll = () => emr.settle();
  sent = [];
  log = [];
});

test.each([
  ["RUNNING", true],
  ["PENDING_REDRIVE", true],
  ["SUCCEEDED", false],
  ["ABORTED", false],
] as const)("a run that is %s is running: %s", (status, expected) => {
  expect(isRunning({ status })).toBe(expected);
});

describe("stopRun", () => {
  it("stops the execution first, and waits until its protected cluster is gone", async () => {
    const id = emr.create("orchard-mine", { "orchard:execution-arn": arn }, { TerminationProtected: true });

    expect(await stop()).toEqual({ status: "ABORTED", endedClusters: [id] });

    expect(sent[0]).toBeInstanceOf(StopExecutionCommand);
    expect(sent[0]).toMatchObject({
      input: { executionArn: arn, error: "Stopped", cause: expect.stringContaining("orchard stop") },
    });
    expect(sent[1]).toMatchObject({ input: { executionArn: arn } });
    expect(emr.stateOf(id)).toBe("TERMINATED");
  });

  it("ends each of several clusters, and says what it waits for", async () => {
    const ids = [create(), create()];

    expect(await stop()).toEqual({ status: "ABORTED", endedClusters: ids });

    expect(log).toEqual([
      "cluster j-1 is WAITING; cluster j-2 is WAITING",
      "no cluster is alive",
      "no cluster is alive",
    ]);
  });

  it("ends a cluster that appears a moment after the stop", async () => {
    let late = "";
    polling.afterPoll = () => {
      if (late === "") late = create();
      else emr.settle();
    };

    expect(await stop()).toEqual({ status: "ABORTED", endedClusters: [late] });

    expect(emr.stateOf(late)).toBe("TERMINATED");
  });

  it("leaves the cluster of another state machine's run of the same name alone", async () => {
    const id = create(arn.replace("Orchard", "Other"));

    expect(await stop()).toEqual({ status: "ABORTED", endedClusters: [] });

    expect(emr.stateOf(id)).toBe("WAITING");
  });

  it("names the clusters that do not end, with exit code 1", async () => {
    for (const _ of ["j-1", "j-2"]) create();
    polling.afterPoll = () => undefined;

    await expect(stop()).rejects.toMatchObject({
      exitCode: 1,
      message:
        "The execution was stopped, but after 20 minutes not all of its clusters are gone: cluster j-1 is TERMINATING; cluster j-2 is TERMINATING",
    });
  });

  it("does not take a list that EMR denies for no clusters", async () => {
    create();
    emr.listablePages = 0;

    await expect(stop()).rejects.toThrow("Denied");
  });
});

describe("requireTerminable", () => {
  const foreign = { Id: "j-1", Name: "orchard-lookalike", TerminationProtected: true };

  it.each([{ project: "orchard" }, { "orchard:execution-arn": arn }])(
    "takes a cluster with the tags %j for Orchard's",
    (tags) => {
      const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

      expect(() => requireTerminable({ ...foreign, Tags }, false)).not.toThrow();
    },
  );

  it("does not go by the name, and never unprotects another's cluster", () => {
    expect(() => requireTerminable(foreign, false)).toThrow("--force");
    expect(() => requireTerminable(foreign, true)).toThrow("--no-termination-protected");
    expect(() => requireTerminable({ ...foreign, TerminationProtected: false }, true)).not.toThrow();
  });
});
