import { ListClustersCommand } from "@aws-sdk/client-emr";
import { beforeEach, expect, test, vi } from "vitest";
import { logger } from "../../../lambdas/runtime/handler.ts";
import { type Sweep, sweepClusters } from "../../../lambdas/teardown/sweep.ts";
import { EmrDouble, emrClient } from "../../doubles/emr.ts";
import { SfnDouble } from "../../doubles/step-functions.ts";
import { anExecution } from "../fixtures.ts";
import { measured } from "../measured.ts";

let emr: EmrDouble;
let sfn: SfnDouble;

beforeEach(() => {
  emr = new EmrDouble();
  sfn = new SfnDouble();
  measured();
});

const now = new Date("2026-01-02T12:00:00Z");
function hoursAgo(hours: number): Date {
  return new Date(now.getTime() - hours * 3_600_000);
}
const config = {
  STACK_NAME: "Orchard",
  MAX_CLUSTER_HOURS: 24,
};
function sweep(): Promise<Sweep> {
  return sweepClusters(config, { emr: emr.client, sfn: sfn.client }, now);
}

function createCluster(
  run: string,
  {
    tags = {},
    createdAt = hoursAgo(1),
    ...changes
  }: Parameters<EmrDouble["create"]>[2] & { tags?: Record<string, string>; createdAt?: Date } = {},
): string {
  const ours = { "orchard:stack": "Orchard", "orchard:execution-arn": anExecution(run).id };
  return emr.create(`orchard-${run}`, { ...ours, ...tags }, changes, createdAt);
}

function failure(name: string): Error {
  return Object.assign(new Error("No answer"), { name });
}

test.each(["FAILED", "TIMED_OUT", "ABORTED", "SUCCEEDED"] as const)(
  "terminates the cluster of an execution that is %s",
  async (status) => {
    const id = createCluster("run-1");
    sfn.answers.set(anExecution("run-1").id, status);

    expect(await sweep()).toEqual({ ended: [id], leftAlone: [] });

    expect(emr.stateOf(id)).toBe("TERMINATING");
  },
);

test.each(["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"] as const)(
  "terminates a cluster that is %s, even with termination protection",
  async (State) => {
    const id = createCluster("run-1", { Status: { State }, TerminationProtected: true });
    sfn.answers.set(anExecution("run-1").id, "ABORTED");

    await sweep();

    expect(emr.stateOf(id)).toBe("TERMINATING");
  },
);

test.each([
  ["1.5", hoursAgo(1.6), "TERMINATING"],
  ["1.5", hoursAgo(1.4), "WAITING"],
  ["99", hoursAgo(1.6), "WAITING"],
  ["plenty", hoursAgo(1.6), "WAITING"],
])(
  "terminates a cluster that is older than its maxHours (%s), even if its execution is running",
  async (hours, createdAt, state) => {
    const id = createCluster("run-1", { tags: { "orchard:max-hours": hours }, createdAt });
    sfn.answers.set(anExecution("run-1").id, "RUNNING");

    await sweep();

    expect(emr.stateOf(id)).toBe(state);
  },
);

test.each(["RUNNING", "PENDING_REDRIVE"] as const)(
  "leaves the cluster of an execution that is %s alone",
  async (status) => {
    const id = createCluster("run-1");
    sfn.answers.set(anExecution("run-1").id, status);

    expect(await sweep()).toEqual({ ended: [], leftAlone: [id] });

    expect(emr.stateOf(id)).toBe("WAITING");
  },
);

test.each(["AccessDeniedException", "ThrottlingException", "InvalidArn", "TimeoutError"])(
  "leaves a cluster alone and fails if Step Functions answers with %s",
  async (name) => {
    const id = createCluster("run-1");
    sfn.answers.set(anExecution("run-1").id, failure(name));

    await expect(sweep()).rejects.toThrow(`${id} (${name}: No answer)`);

    expect(emr.stateOf(id)).toBe("WAITING");
  },
);

test("terminates the cluster of an execution that does not exist, once the cluster is old enough", async () => {
  const young = createCluster("run-1", { createdAt: hoursAgo(0.4) });
  const old = createCluster("run-2", { createdAt: hoursAgo(0.6) });

  expect(await sweep()).toEqual({ ended: [old], leftAlone: [young] });
});

test.each(["RUNNING", failure("ThrottlingException")] as const)(
  "terminates a cluster older than the limit, even if Step Functions answers with %s",
  async (answer) => {
    const id = createCluster("run-1", {
      createdAt: hoursAgo(24.1),
      tags: { "orchard:keep-until": "9999-12-31T00:00:00Z" },
    });
    sfn.answers.set(anExecution("run-1").id, answer);

    expect(await sweep()).toMatchObject({ ended: [id] });
  },
);

test.each([
  ["2026-01-02T12:00:01Z", "WAITING"],
  ["2026-01-02T11:59:59Z", "TERMINATING"],
  ["2026-01-02T13:00:00+02:00", "TERMINATING"],
  ["tomorrow", "TERMINATING"],
])("at noon, a cluster that is kept until %s is %s", async (keepUntil, state) => {
  const id = createCluster("run-1", { tags: { "orchard:keep-until": keepUntil } });
  sfn.answers.set(anExecution("run-1").id, "SUCCEEDED");

  await sweep();

  expect(emr.stateOf(id)).toBe(state);
});

test("does not count a kept cluster that ends at its deadline, because that is no failure of the other layers", async () => {
  createCluster("run-1", { tags: { "orchard:keep-until": "2026-01-02T11:59:59Z" } });
  sfn.answers.set(anExecution("run-1").id, "SUCCEEDED");

  expect((await sweep()).ended).toHaveLength(1);

  expect(measured()).toMatchObject({ EndedClusters: [0, "Count"] });
});

test("terminates a cluster with the tag of a kept one if its execution failed", async () => {
  const id = createCluster("run-1", { tags: { "orchard:keep-until": "2026-01-02T13:00:00Z" } });
  sfn.answers.set(anExecution("run-1").id, "FAILED");

  await sweep();

  expect(emr.stateOf(id)).toBe("TERMINATING");
});

test("leaves clusters of other origin alone, whatever their age", async () => {
  const tags = (stack: string): Record<string, string> => ({
    "orchard:stack": stack,
    "orchard:execution-arn": anExecution().id,
  });
  const ids = [
    emr.create("orchard-run-1", {}, {}, hoursAgo(99)),
    emr.create("orchard-run-1", tags("Orchard2"), {}, hoursAgo(99)),
    emr.create("orchard-run-1", tags(""), {}, hoursAgo(99)),
    emr.create("other-run-1", tags("Orchard"), {}, hoursAgo(99)),
  ];

  expect((await sweep()).ended).toEqual([]);

  expect(ids.map((id) => emr.stateOf(id))).toEqual(["WAITING", "WAITING", "WAITING", "WAITING"]);
  expect(sfn.questions).toEqual([]);
});

test("terminates the other clusters despite a failure with one, and reports the failures at the end", async () => {
  const ids = ["run-1", "run-2", "run-3", "run-4"].map((run) => {
    sfn.answers.set(anExecution(run).id, "ABORTED");
    return createCluster(run);
  });
  emr.undescribable = ids[0];
  sfn.answers.set(anExecution("run-2").id, failure("ThrottlingException"));
  emr.throttleNextTermination = true;

  await expect(sweep()).rejects.toThrow(/j-1 \(.*j-2 \(.*j-3 \(/);

  expect(ids.map((id) => emr.stateOf(id))).toEqual(["WAITING", "WAITING", "WAITING", "TERMINATING"]);
});

test("terminates the clusters listed before ListClusters fails", async () => {
  const ids = ["run-1", "run-2"].map((run) => createCluster(run));
  sfn.answers.set(anExecution("run-1").id, "ABORTED");
  const send = async (command: unknown): Promise<unknown> => {
    if (command instanceof ListClustersCommand && command.input.Marker) throw failure("InternalServerException");
    return emr.client.send(command as ListClustersCommand);
  };

  await expect(sweepClusters(config, { emr: emrClient(send), sfn: sfn.client }, now)).rejects.toThrow(
    "the list of clusters (InternalServerException: No answer)",
  );

  expect(ids.map((id) => emr.stateOf(id))).toEqual(["TERMINATING", "WAITING"]);
});

test("terminates the cluster of a state machine that no longer exists, whatever its name was", async () => {
  const gone = anExecution().id.replace(":Orchard:", ":Orchard-old:");
  const id = createCluster("run-1", { tags: { "orchard:execution-arn": gone } });

  expect(await sweep()).toEqual({ ended: [id], leftAlone: [] });

  expect(sfn.questions).toEqual([gone]);
});

test.each([
  [23, "WAITING"],
  [25, "TERMINATING"],
])("without an execution to ask for, a cluster of this stack that is %d hours old is %s", async (hours, state) => {
  const id = emr.create("orchard-run-1", { "orchard:stack": "Orchard" }, {}, hoursAgo(hours));

  await sweep();

  expect(emr.stateOf(id)).toBe(state);
});

test("does nothing without clusters", async () => {
  expect(await sweep()).toEqual({ ended: [], leftAlone: [] });
});

test("records how many clusters are alive, terminating and terminated, and the oldest's age, even if it fails", async () => {
  createCluster("run-1", { createdAt: hoursAgo(2) });
  createCluster("run-2", { createdAt: hoursAgo(5) });
  createCluster("run-3", { createdAt: hoursAgo(99), Status: { State: "TERMINATING" } });
  createCluster("run-4", { createdAt: hoursAgo(99), Status: { State: "TERMINATED" } });
  createCluster("run-1", { createdAt: hoursAgo(99), tags: { "orchard:stack": "Orchard2" } });
  sfn.answers.set(anExecution("run-1").id, "ABORTED");
  sfn.answers.set(anExecution("run-2").id, failure("ThrottlingException"));

  await sweep().catch(() => undefined);

  expect(measured()).toEqual({
    EndedClusters: [1, "Count"],
    AliveClusters: [2, "Count"],
    TerminatingClusters: [1, "Count"],
    OldestClusterHours: [5, "None"],
  });
});

test("records the age of a cluster whose tags were removed, so that an alarm tells of it", async () => {
  emr.create("orchard-run-1", {}, {}, hoursAgo(6));

  expect((await sweep()).ended).toEqual([]);

  expect(measured()).toMatchObject({ AliveClusters: [1, "Count"], OldestClusterHours: [6, "None"] });
});

test("records zeros without clusters, so that missing data means a missing sweep", async () => {
  await sweep();

  expect(measured()).toEqual({
    EndedClusters: [0, "Count"],
    AliveClusters: [0, "Count"],
    TerminatingClusters: [0, "Count"],
    OldestClusterHours: [0, "None"],
  });
});

test("neither terminates a cluster in TERMINATING again nor asks for its execution", async () => {
  createCluster("run-1", { createdAt: hoursAgo(99), Status: { State: "TERMINATING" } });

  expect(await sweep()).toEqual({ ended: [], leftAlone: [] });

  expect(sfn.questions).toEqual([]);
});

test.each([
  ["its maxHours", { tags: { "orchard:max-hours": "2" }, createdAt: hoursAgo(2) }, "RUNNING"],
  ["the age at which an unknown execution counts as gone", { createdAt: hoursAgo(0.5) }, undefined],
] as const)("leaves a cluster alone that is exactly at %s", async (_, cluster, answer) => {
  const id = createCluster("run-1", cluster);
  if (answer) sfn.answers.set(anExecution("run-1").id, answer);

  expect(await sweep()).toEqual({ ended: [], leftAlone: [id] });
});

test("terminates a kept cluster exactly at its deadline", async () => {
  const id = createCluster("run-1", { tags: { "orchard:keep-until": now.toISOString() } });
  sfn.answers.set(anExecution("run-1").id, "SUCCEEDED");

  expect(await sweep()).toEqual({ ended: [id], leftAlone: [] });
});

test.each([
  ["a success that no tag keeps", {}, "SUCCEEDED"],
  ["a failure after the tag of a kept cluster was set", { "orchard:keep-until": "2026-01-02T11:00:00Z" }, "FAILED"],
] as const)("counts the cluster of %s, because another layer should have terminated it", async (_, tags, answer) => {
  createCluster("run-1", { tags });
  sfn.answers.set(anExecution("run-1").id, answer);

  await sweep();

  expect(measured()).toMatchObject({ EndedClusters: [1, "Count"] });
});

test("does not look at clusters that are gone", async () => {
  createCluster("run-1", { Status: { State: "TERMINATED" } });

  expect(await sweep()).toEqual({ ended: [], leftAlone: [] });
});

test("logs every decision with its reason, and a summary", async () => {
  const warn = vi.spyOn(logger, "warn");
  const info = vi.spyOn(logger, "info");
  const kept = { "orchard:keep-until": "2026-01-02T13:00:00Z" };
  const due = { "orchard:keep-until": "2026-01-02T11:00:00Z" };
  createCluster("run-1");
  createCluster("run-2", { tags: { "orchard:max-hours": "1.5" }, createdAt: hoursAgo(2) });
  createCluster("run-3", { createdAt: hoursAgo(25) });
  createCluster("run-4", { tags: kept });
  createCluster("run-5", { tags: due });
  createCluster("run-6", { tags: { "orchard:stack": "Other" } });
  emr.create("orchard-run-7", {}, {}, hoursAgo(1));
  createCluster("run-8");
  for (const run of ["run-4", "run-5"]) sfn.answers.set(anExecution(run).id, "SUCCEEDED");
  sfn.answers.set(anExecution("run-1").id, "ABORTED");
  sfn.answers.set(anExecution("run-8").id, failure("ThrottlingException"));

  await sweep().catch(() => undefined);

  expect(warn.mock.calls).toEqual([
    [
      "Terminated cluster j-1: it has an execution that is ABORTED",
      { clusterId: "j-1", name: "orchard-run-1", executionArn: anExecution("run-1").id, state: "TERMINATING" },
    ],
    ["Terminated cluster j-2: it is older than 1.5 hours, all that its run's maxCostUsd pays for", expect.anything()],
    ["Terminated cluster j-3: it is older than 24 hours", expect.anything()],
    ["Terminated cluster j-5: it was kept until 2026-01-02T11:00:00Z", expect.anything()],
  ]);
  expect(info.mock.calls).toEqual([
    ["Left cluster j-4 alone: it is kept until 2026-01-02T13:00:00Z", expect.anything()],
    ["Left cluster j-6 alone: it belongs to the stack Other", expect.anything()],
    ["Left cluster j-7 alone: it has no tag orchard:stack", expect.anything()],
    ["Swept", { endedCount: 4, leftAloneCount: 4, failureCount: 1 }],
  ]);
  warn.mockRestore();
  info.mockRestore();
});
