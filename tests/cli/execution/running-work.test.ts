import { DescribeClusterCommand, ListClustersCommand } from "@aws-sdk/client-emr";
import { ListExecutionsCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { beforeEach, expect, test, vi } from "vitest";
import { describeRunning, findRunning, isIdle, stopRunning } from "../../../cli/execution/running-work.ts";
import { Lifetime } from "../../../cli/terminal/lifetime.ts";
import { waitUntil } from "../../../shared/wait-until.ts";
import { DeploymentDouble, namedError, stateMachineArn } from "../../doubles/deployment.ts";
import { polling } from "../../doubles/polls.ts";

let deployment: DeploymentDouble;
vi.mock("../../../shared/wait-until.ts", () => import("../../doubles/polls.ts"));

const executionArn = (name: string) => `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
const createCluster = (name = "orchard-run") =>
  deployment.emr.create(name, { project: "orchard", "orchard:execution-arn": executionArn("run") });
const sentTo = (command: string) => deployment.sent.filter((name) => name === command).length;
const find = () => findRunning(deployment.clients, stateMachineArn);

let log: string[];
const stop = (lifetime = new Lifetime()) =>
  stopRunning(lifetime, deployment.clients, stateMachineArn, (line) => log.push(line));

beforeEach(() => {
  deployment = new DeploymentDouble();
  // Terminating clusters are gone at the next poll.
  polling.afterPoll = () => deployment.emr.settle();
  deployment.addStack("Orchard");
  log = [];
});

test("finds the RUNNING executions of the state machine and the active clusters", async () => {
  deployment.running.add("run-1").add("run-2");
  const id = createCluster();
  const asked: unknown[] = [];
  deployment.before = (command) => {
    if (command instanceof ListExecutionsCommand) asked.push(command.input);
  };

  const running = await find();

  expect(running).toEqual({
    executions: ["run-1", "run-2"].map((name) => ({ name, arn: executionArn(name), startedAt: undefined })),
    clusters: [expect.objectContaining({ id, state: "WAITING", runId: "run", until: undefined })],
  });
  expect(asked).toMatchObject([{ stateMachineArn, statusFilter: "RUNNING" }]);
  expect(isIdle(running)).toBe(false);
});

test.each([
  ["execution", { executions: [{ arn: "a", name: "run", startedAt: undefined }], clusters: [] }],
  [
    "cluster",
    {
      executions: [],
      clusters: [{ id: "j", name: "o", state: "WAITING", createdAt: undefined, runId: "", until: undefined }],
    },
  ],
])("one %s is not idle", (_, running) => {
  expect(isIdle(running)).toBe(false);
  expect(isIdle({ executions: [], clusters: [] })).toBe(true);
});

test("without a state machine, it finds the clusters and asks for no executions", async () => {
  const id = createCluster();
  deployment.stateMachines.clear();

  expect(await findRunning(deployment.clients, undefined)).toMatchObject({ executions: [], clusters: [{ id }] });
  expect(sentTo("ListExecutionsCommand")).toBe(0);
});

test("a state machine that is gone has no executions; another error is thrown", async () => {
  deployment.stateMachines.clear();
  expect(await find()).toEqual({ executions: [], clusters: [] });

  deployment.before = (command) => {
    if (command instanceof ListExecutionsCommand) throw namedError("AccessDeniedException");
  };
  await expect(find()).rejects.toThrow("AccessDeniedException");
});

test("describes each execution and cluster, with the time since its start", () => {
  const startedAt = new Date(Date.now() - 2 * 3_600_000);
  const cluster = {
    id: "j-1",
    name: "orchard-run",
    state: "WAITING",
    createdAt: undefined,
    runId: "run",
    until: undefined,
  };

  expect(
    describeRunning({
      executions: [
        { arn: "a", name: "old", startedAt },
        { arn: "b", name: "new", startedAt: undefined },
      ],
      clusters: [cluster],
    }),
  ).toEqual(["execution old is RUNNING, for 2h", "execution new is RUNNING", "cluster j-1 (orchard-run) is WAITING"]);
});

test("stops every execution and terminates every cluster, and says so", async () => {
  deployment.running.add("run-1").add("run-2");
  const ids = [createCluster(), createCluster()];
  const stopped: unknown[] = [];
  deployment.before = (command) => {
    if (command instanceof StopExecutionCommand) stopped.push(command.input);
  };

  await stop();

  expect(stopped).toEqual(
    ["run-1", "run-2"].map((name) => ({
      executionArn: executionArn(name),
      error: "Stopped",
      cause: expect.stringContaining("asked to stop running executions"),
    })),
  );
  expect(ids.map((id) => deployment.emr.stateOf(id))).toEqual(["TERMINATED", "TERMINATED"]);
  expect(log[0]).toMatch(/^execution run-1 is RUNNING; execution run-2 is RUNNING; cluster j-1 .*; cluster j-2 /);
  expect(log.at(-1)).toBe("nothing is running any more");
});

test("ends a cluster that appears after its execution was stopped and nothing else ran", async () => {
  deployment.running.add("run");
  let late = "";
  deployment.before = (command) => {
    // The check after the stop finds nothing; the next one finds the cluster, and two more have to find nothing.
    if (command instanceof ListClustersCommand && log.length === 2 && late === "") late = createCluster();
  };

  await stop();

  expect(late).not.toBe("");
  expect(deployment.emr.stateOf(late)).toBe("TERMINATED");
  expect(log.slice(-1)).toEqual(["nothing is running any more"]);
});

test.each(["ExecutionDoesNotExist", "StateMachineDoesNotExist"])(
  "goes on to the clusters when StopExecution fails with %s",
  async (name) => {
    deployment.running.add("run");
    const id = createCluster();
    deployment.before = (command) => {
      if (!(command instanceof StopExecutionCommand)) return;
      deployment.running.clear();
      throw namedError(name);
    };

    await stop();

    expect(deployment.emr.stateOf(id)).toBe("TERMINATED");
  },
);

test("throws another error of StopExecution", async () => {
  deployment.running.add("run");
  deployment.before = (command) => {
    if (command instanceof StopExecutionCommand) throw namedError("AccessDeniedException");
  };

  await expect(stop()).rejects.toThrow("AccessDeniedException");
});

test("names what is still running after 20 minutes", async () => {
  const id = createCluster();
  vi.spyOn(deployment.emr, "settle").mockReturnValue();
  vi.mocked(waitUntil).mockClear();
  const lifetime = new Lifetime();
  let checks = 0;
  deployment.before = (command) => {
    if (command instanceof DescribeClusterCommand) checks += 1;
  };

  await expect(stop(lifetime)).rejects.toMatchObject({
    name: "CommandFailed",
    message: expect.stringMatching(
      new RegExp(`^Some executions or clusters are still running after 20 minutes:\\n  cluster ${id} `),
    ),
  });

  expect(checks).toBeGreaterThan(1);
  expect(vi.mocked(waitUntil).mock.calls[0]?.[1]).toEqual({
    everyMs: 3_000,
    timeoutMs: 1_200_000,
    signal: lifetime.signal,
  });
});

test("a cluster ends at the latest at its age limit, or earlier when it is kept until a time", async () => {
  const created = new Date("2026-01-01T00:00:00Z");
  const tags = { project: "orchard", "orchard:max-hours": "1.5" };
  const create = (more: Readonly<Record<string, string>>) =>
    deployment.emr.create("orchard-run", { ...tags, ...more }, {}, created);
  create({});
  create({ "orchard:keep-until": "2026-01-01T01:00:00Z" });
  create({ "orchard:keep-until": "2026-01-01T09:00:00Z" });
  create({ "orchard:max-hours": "many" });

  const { clusters } = await find();

  expect(clusters.map(({ until }) => until?.toISOString().slice(11, 16))).toEqual([
    "01:30",
    "01:00",
    "01:30",
    undefined,
  ]);
});
