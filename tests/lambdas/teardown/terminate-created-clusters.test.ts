import { beforeEach, expect, test, vi } from "vitest";
import type { Teardown } from "../../../lambdas/contract/failure.ts";
import { ClusterNotOurs, ClusterStillTerminating } from "../../../lambdas/runtime/errors.ts";
import { logger } from "../../../lambdas/runtime/handler.ts";
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
/** Creates a cluster with the name and the tag that the state machine sets. */
function createCluster(...[changes, createdAt]: [Parameters<EmrDouble["create"]>[2]?, Date?]): string {
  return emr.create("orchard-run-1", tagsOf("run-1"), changes, createdAt);
}

function terminate(state: object = {}): Promise<Teardown> {
  return terminateCluster(terminateClusterEventSchema.parse({ state, execution }), {
    emr: emr.client,
    sfn: sfn.client,
  });
}

test("terminates the cluster in the state data", async () => {
  const id = createCluster();

  expect(await terminate({ cluster: { id } })).toEqual({ clusterIds: [id], states: { [id]: "TERMINATING" } });
});

test.each(["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"] as const)(
  "terminates a cluster that is %s",
  async (State) => {
    const id = createCluster({ Status: { State } });

    await terminate();

    expect(emr.stateOf(id)).toBe("TERMINATING");
  },
);

test("terminates every cluster with the execution's name and tag, even if the state data lacks it", async () => {
  const ids = [createCluster(), createCluster()];

  const { clusterIds } = await terminate({ error: { Error: "States.Timeout", Cause: "" } });

  expect(clusterIds).toEqual(ids);
  expect(ids.map((id) => emr.stateOf(id))).toEqual(["TERMINATING", "TERMINATING"]);
});

test("finds a cluster that was created before the execution started, according to EMR's clock", async () => {
  const id = createCluster({}, new Date(Date.parse(execution.startTime) - 60_000));

  expect((await terminate()).clusterIds).toEqual([id]);
});

test("leaves clusters alone that have only the name, or belong to another execution", async () => {
  const others = [
    emr.create("orchard-run-1", {}),
    emr.create("orchard-run-1", tagsOf("run-2")),
    emr.create("orchard-run-2", tagsOf("run-2")),
    emr.create("orchard-run-11", tagsOf("run-11")),
  ];

  expect(await terminate()).toEqual({ clusterIds: [], states: {} });

  expect(others.map((id) => emr.stateOf(id))).toEqual(["WAITING", "WAITING", "WAITING", "WAITING"]);
});

test("rejects another execution's cluster in the state data, after it has terminated its own", async () => {
  const own = createCluster();
  const other = emr.create("orchard-run-2", tagsOf("run-2"));

  await expect(terminate({ cluster: { id: other } })).rejects.toThrow(ClusterNotOurs);

  expect(emr.stateOf(own)).toBe("TERMINATING");
  expect(emr.stateOf(other)).toBe("WAITING");
});

test("removes termination protection first", async () => {
  const id = createCluster({ TerminationProtected: true });

  await terminate({ cluster: { id } });

  expect(emr.stateOf(id)).toBe("TERMINATING");
});

test("succeeds again while the cluster is terminating and when it is gone", async () => {
  const id = createCluster();

  await terminate({ cluster: { id } });
  expect(await terminate({ cluster: { id } })).toEqual({ clusterIds: [id], states: { [id]: "TERMINATING" } });

  emr.settle();
  expect(await terminate({ cluster: { id } })).toEqual({ clusterIds: [id], states: { [id]: "TERMINATED" } });
});

test("succeeds without a cluster", async () => {
  expect(await terminate()).toEqual({ clusterIds: [], states: {} });
});

test("terminates the other clusters if one cannot be terminated, and throws", async () => {
  const ids = [createCluster(), createCluster()];
  emr.throttleNextTermination = true;

  await expect(terminate()).rejects.toThrow("Rate exceeded");

  const [other = ""] = ids.filter((id) => id !== emr.throttled);
  expect(emr.stateOf(other)).toBe("TERMINATING");
});

test.each([0, 1])("terminates the known clusters if ListClusters fails after %i pages, and throws", async (pages) => {
  const ids = [createCluster(), createCluster(), createCluster()];
  emr.listablePages = pages;

  await expect(terminate({ cluster: { id: ids[2] } })).rejects.toThrow("Denied");

  const listed = ids.map((_, index) => (index < pages ? "TERMINATING" : "WAITING"));
  expect(ids.map((id) => emr.stateOf(id))).toEqual([...listed.slice(0, 2), "TERMINATING"]);
});

test("terminates the known cluster while ListClusters does not answer", async () => {
  const id = createCluster();
  emr.isListSilent = true;

  void terminate({ cluster: { id } });

  await expect.poll(() => emr.stateOf(id)).toBe("TERMINATING");
});

test("does not ask Step Functions if the state machine calls it", async () => {
  const id = createCluster();

  await terminate({ cluster: { id } });

  expect(sfn.questions).toEqual([]);
});

/** Handles EventBridge's event that the execution ended. Step Functions may describe it differently. */
function handleStatusChange(status = "ABORTED", stopDate?: number): Promise<Teardown> {
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
  "a status change terminates the cluster of an execution that is %s",
  async (status) => {
    const id = createCluster();
    sfn.answers.set(execution.id, status);

    expect(await handleStatusChange(status)).toMatchObject({ clusterIds: [id] });

    expect(emr.stateOf(id)).toBe("TERMINATING");
  },
);

test.each(["RUNNING", "SUCCEEDED", "PENDING_REDRIVE"] as const)(
  "a late status change of an execution that is %s by now terminates nothing",
  async (status) => {
    const id = createCluster();
    sfn.answers.set(execution.id, status);

    expect(await handleStatusChange()).toEqual({ clusterIds: [], states: {} });

    expect(emr.stateOf(id)).toBe("WAITING");
  },
);

test("a status change throws and terminates nothing if Step Functions' answer is older than the event", async () => {
  const id = createCluster();
  sfn.answers.set(execution.id, "RUNNING");

  await expect(handleStatusChange("ABORTED", Date.now())).rejects.toThrow("still says RUNNING");

  expect(emr.stateOf(id)).toBe("WAITING");
});

test.each(["AccessDeniedException", "ThrottlingException", "ExecutionDoesNotExist"])(
  "a status change throws and terminates nothing if Step Functions answers with %s",
  async (name) => {
    const id = createCluster();
    sfn.answers.set(execution.id, Object.assign(new Error("No answer"), { name }));

    await expect(handleStatusChange()).rejects.toThrow();

    expect(emr.stateOf(id)).toBe("WAITING");
  },
);

test.each(["RUNNING", "SUCCEEDED", "PENDING_REDRIVE"])("rejects the event of an execution that is %s", (status) => {
  const detail = { executionArn: execution.id, name: "run-1", status, startDate: 0 };

  expect(terminateClusterEventSchema.safeParse({ detail }).success).toBe(false);
});

test("ignores malformed members of the state data", () => {
  const event = terminateClusterEventSchema.parse({
    state: { input: 3, plan: "?", cluster: { id: 4 }, error: null },
    execution,
  });

  expect(event.state).toMatchObject({ plan: undefined, cluster: undefined, error: undefined });
});

function confirm(state: { readonly teardown: Teardown }): Promise<unknown> {
  return confirmTerminated({ state }, emr.client, { attempts: 3, pauseMs: 20 });
}

test("confirms that the clusters are gone", async () => {
  const teardown = await terminate({ cluster: { id: createCluster() } });
  emr.settle();

  expect(await confirm({ teardown })).toEqual({ terminated: true, clusterIds: teardown.clusterIds });
});

test("waits a short time for clusters that are terminating", async () => {
  const teardown = await terminate({ cluster: { id: createCluster() } });

  const confirmed = confirm({ teardown });
  emr.settle();

  expect(await confirmed).toMatchObject({ terminated: true });
});

test("throws if a cluster is still terminating, so that the state machine retries", async () => {
  const teardown = await terminate({ cluster: { id: createCluster() } });

  await expect(confirm({ teardown })).rejects.toThrow(ClusterStillTerminating);
});

test("says how to terminate another execution's cluster, and whose it is", async () => {
  const other = emr.create("orchard-run-2", tagsOf("run-2"));
  const nobodys = emr.create("orchard-run-2", {});

  await expect(terminate({ cluster: { id: other } })).rejects.toThrow(
    `Cluster ${other} (orchard-run-2) belongs to ${anExecution("run-2").id}, not to ${execution.id}; it was left alone. ` +
      `If it is yours, terminate it by hand: aws emr terminate-clusters --cluster-ids ${other}`,
  );
  await expect(terminate({ cluster: { id: nobodys } })).rejects.toThrow("belongs to no execution, not to");
});

test("warns of clusters that have only the execution's name", async () => {
  const warn = vi.spyOn(logger, "warn");
  const id = emr.create("orchard-run-1", tagsOf("run-2"));

  await terminate();

  expect(warn.mock.calls).toEqual([[expect.stringMatching(`^Cluster ${id} .* was left alone$`)]]);
  warn.mockRestore();
});

test("a status change of an execution that Step Functions does not know fails, so that it is repeated", async () => {
  await expect(handleStatusChange()).rejects.toThrow(`Step Functions does not know ${execution.id} (yet)`);
});
