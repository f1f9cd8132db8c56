import { beforeEach, expect, test } from "vitest";
import type { Teardown } from "../../../lambdas/contract/failure.ts";
import { ClusterNotOurs, ClusterStillTerminating } from "../../../lambdas/runtime/errors.ts";
import { confirmTerminated } from "../../../lambdas/teardown/confirm-termination.ts";
import { terminateCluster } from "../../../lambdas/teardown/terminate-created-clusters.ts";
import { terminateClusterEventSchema } from "../../../lambdas/terminate-cluster.ts";
import { EmrDouble } from "../../doubles/emr.ts";
import { SfnDouble } from "../../doubles/step-functions.ts";
import { anExecution } from "../fixtures.ts";

let emr: EmrDouble;
let sfn: SfnDouble;

beforeEach(() => {
  emr = new EmrDouble();
  sfn = new SfnDouble();
});

const execution = anExecution("run-1");
function tagsOf(name: string): Record<string, string> {
  return { "orchard:execution-arn": anExecution(name).id };
}
/** A cluster as the state machine creates it. */
function createCluster(...[changes, createdAt]: [Parameters<EmrDouble["create"]>[2]?, Date?]): string {
  return emr.create("orchard-run-1", tagsOf("run-1"), changes, createdAt);
}

function terminate(state: object = {}): Promise<Teardown> {
  return terminateCluster(terminateClusterEventSchema.parse({ state, execution }), {
    emr: emr.client,
    sfn: sfn.client,
  });
}

test("ends the cluster that the state knows by id", async () => {
  const id = createCluster();

  expect(await terminate({ cluster: { id } })).toEqual({ clusterIds: [id], states: { [id]: "TERMINATING" } });
});

test.each(["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"] as const)("ends a cluster that is %s", async (State) => {
  const id = createCluster({ Status: { State } });

  await terminate();

  expect(emr.stateOf(id)).toBe("TERMINATING");
});

test("ends every cluster that bears the execution's name and tag, known to nobody by id", async () => {
  const ids = [createCluster(), createCluster()];

  const { clusterIds } = await terminate({ error: { Error: "States.Timeout", Cause: "" } });

  expect(clusterIds).toEqual(ids);
  expect(ids.map((id) => emr.stateOf(id))).toEqual(["TERMINATING", "TERMINATING"]);
});

test("finds a cluster that EMR's clock created a little before the execution started", async () => {
  const id = createCluster({}, new Date(Date.parse(execution.startTime) - 60_000));

  expect((await terminate()).clusterIds).toEqual([id]);
});

test("leaves alone what only bears the name, and what belongs to another execution", async () => {
  const others = [
    emr.create("orchard-run-1", {}),
    emr.create("orchard-run-1", tagsOf("run-2")),
    emr.create("orchard-run-2", tagsOf("run-2")),
    emr.create("orchard-run-11", tagsOf("run-11")),
  ];

  expect(await terminate()).toEqual({ clusterIds: [], states: {} });

  expect(others.map((id) => emr.stateOf(id))).toEqual(["WAITING", "WAITING", "WAITING", "WAITING"]);
});

test("refuses another execution's cluster by id, after it has ended its own", async () => {
  const own = createCluster();
  const other = emr.create("orchard-run-2", tagsOf("run-2"));

  await expect(terminate({ cluster: { id: other } })).rejects.toThrow(ClusterNotOurs);

  expect(emr.stateOf(own)).toBe("TERMINATING");
  expect(emr.stateOf(other)).toBe("WAITING");
});

test("takes termination protection off first", async () => {
  const id = createCluster({ TerminationProtected: true });

  await terminate({ cluster: { id } });

  expect(emr.stateOf(id)).toBe("TERMINATING");
});

test("a second call is a success, and so is a third when it is gone", async () => {
  const id = createCluster();

  await terminate({ cluster: { id } });
  expect(await terminate({ cluster: { id } })).toEqual({ clusterIds: [id], states: { [id]: "TERMINATING" } });

  emr.settle();
  expect(await terminate({ cluster: { id } })).toEqual({ clusterIds: [id], states: { [id]: "TERMINATED" } });
});

test("no cluster at all is a success", async () => {
  expect(await terminate()).toEqual({ clusterIds: [], states: {} });
});

test("a cluster that cannot be ended does not save the next one, and is reported", async () => {
  const ids = [createCluster(), createCluster()];
  emr.throttleNextTermination = true;

  await expect(terminate()).rejects.toThrow("Rate exceeded");

  const [other = ""] = ids.filter((id) => id !== emr.throttled);
  expect(emr.stateOf(other)).toBe("TERMINATING");
});

test.each([0, 1])(
  "a list of clusters that breaks off after %i pages saves none that is known, and is reported",
  async (pages) => {
    const ids = [createCluster(), createCluster(), createCluster()];
    emr.listablePages = pages;

    await expect(terminate({ cluster: { id: ids[2] } })).rejects.toThrow("Denied");

    const listed = ids.map((_, index) => (index < pages ? "TERMINATING" : "WAITING"));
    expect(ids.map((id) => emr.stateOf(id))).toEqual([...listed.slice(0, 2), "TERMINATING"]);
  },
);

test("a list of clusters that never comes does not save the one that is known", async () => {
  const id = createCluster();
  emr.isListSilent = true;

  void terminate({ cluster: { id } });

  await expect.poll(() => emr.stateOf(id)).toBe("TERMINATING");
});

test("the state machine's own call asks nobody", async () => {
  const id = createCluster();

  await terminate({ cluster: { id } });

  expect(sfn.questions).toEqual([]);
});

/** EventBridge tells that the execution ended; what Step Functions says when it is asked is another matter. */
function statusChange(status = "ABORTED", stopDate?: number): Promise<Teardown> {
  return terminateCluster(
    terminateClusterEventSchema.parse({
      source: "aws.states",
      "detail-type": "Step Functions Execution Status Change",
      detail: { executionArn: execution.id, name: "run-1", status, startDate: Date.now(), stopDate },
    }),
    { emr: emr.client, sfn: sfn.client },
  );
}

test.each(["FAILED", "TIMED_OUT", "ABORTED"] as const)(
  "a status change ends the cluster of an execution that is %s",
  async (status) => {
    const id = createCluster();
    sfn.answers.set(execution.id, status);

    expect(await statusChange(status)).toMatchObject({ clusterIds: [id] });

    expect(emr.stateOf(id)).toBe("TERMINATING");
  },
);

test.each(["RUNNING", "SUCCEEDED", "PENDING_REDRIVE"] as const)(
  "a late status change of an execution that is %s by now touches nothing",
  async (standing) => {
    const id = createCluster();
    sfn.answers.set(execution.id, standing);

    expect(await statusChange()).toEqual({ clusterIds: [], states: {} });

    expect(emr.stateOf(id)).toBe("WAITING");
  },
);

test("an answer that is older than the end it was told of is thrown back, and nothing is touched", async () => {
  const id = createCluster();
  sfn.answers.set(execution.id, "RUNNING");

  await expect(statusChange("ABORTED", Date.now())).rejects.toThrow("still says RUNNING");

  expect(emr.stateOf(id)).toBe("WAITING");
});

test.each(["AccessDeniedException", "ThrottlingException", "ExecutionDoesNotExist"])(
  "a status change whose execution nobody knows (%s) is thrown back, and nothing is touched",
  async (name) => {
    const id = createCluster();
    sfn.answers.set(execution.id, Object.assign(new Error("No answer"), { name }));

    await expect(statusChange()).rejects.toThrow();

    expect(emr.stateOf(id)).toBe("WAITING");
  },
);

test.each(["RUNNING", "SUCCEEDED", "PENDING_REDRIVE"])("refuses the event of an execution that is %s", (status) => {
  const detail = { executionArn: execution.id, name: "run-1", status, startDate: 0 };

  expect(terminateClusterEventSchema.safeParse({ detail }).success).toBe(false);
});

test("takes a state of which parts are malformed: the clean-up goes on with the rest", () => {
  const event = terminateClusterEventSchema.parse({
    state: { input: 3, plan: "?", cluster: { id: 4 }, error: null },
    execution,
  });

  expect(event.state).toMatchObject({ plan: undefined, cluster: undefined, error: undefined });
});

function confirm(state: { readonly teardown: Teardown }): Promise<unknown> {
  return confirmTerminated({ state }, emr.client, { attempts: 3, pauseMs: 20 });
}

test("confirms what is gone", async () => {
  const teardown = await terminate({ cluster: { id: createCluster() } });
  emr.settle();

  expect(await confirm({ teardown })).toEqual({ terminated: true, clusterIds: teardown.clusterIds });
});

test("waits a little for what is on its way down", async () => {
  const teardown = await terminate({ cluster: { id: createCluster() } });

  const confirmed = confirm({ teardown });
  emr.settle();

  expect(await confirmed).toMatchObject({ terminated: true });
});

test("throws for what is still there, so that the machine asks again", async () => {
  const teardown = await terminate({ cluster: { id: createCluster() } });

  await expect(confirm({ teardown })).rejects.toThrow(ClusterStillTerminating);
});
