import { beforeEach, expect, test } from "vitest";
import type { Teardown } from "../../../lambdas/contract/failure.ts";
import { terminateCluster } from "../../../lambdas/teardown/terminate-created-clusters.ts";
import { terminateClusterEventSchema } from "../../../lambdas/terminate-cluster.ts";
import { EmrDouble } from "../../doubles/emr.ts";
import { SfnDouble } from "../../doubles/step-functions.ts";
import { aStep, createKept, execution, now, reusingPlan } from "../kept-cluster.ts";

let emr: EmrDouble;
let sfn: SfnDouble;
beforeEach(() => {
  emr = new EmrDouble();
  sfn = new SfnDouble();
});

function terminate(event: object): Promise<Teardown> {
  return terminateCluster(terminateClusterEventSchema.parse(event), { emr: emr.client, sfn: sfn.client });
}

test("the failure of a run on a reused cluster cancels its own steps, and leaves the cluster alone", async () => {
  const id = createKept(emr);
  emr.steps.push(
    aStep("s-3", "run-2", "PENDING"),
    aStep("s-2", "run-2", "RUNNING"),
    aStep("s-1", "run-2", "FAILED"),
    aStep("s-0", "run-1", "RUNNING"),
  );

  const teardown = await terminate({ state: { plan: reusingPlan(id), cluster: { id } }, execution });

  expect(teardown).toEqual({ clusterIds: [], states: { [id]: "WAITING" } });
  expect(emr.stateOf(id)).toBe("WAITING");
  expect(emr.cancelled).toEqual([
    { ClusterId: id, StepIds: ["s-3", "s-2"], StepCancellationOption: "TERMINATE_PROCESS" },
  ]);
});

function reportStatusChange(input: object | null): Promise<Teardown> {
  return terminate({
    detail: {
      executionArn: execution.id,
      name: execution.name,
      status: "ABORTED",
      startDate: now.getTime(),
      input: input && JSON.stringify(input),
    },
  });
}

test("the status change of a stopped run cancels its steps, and leaves the cluster alone", async () => {
  const id = createKept(emr);
  emr.steps.push(aStep("s-1", "run-2", "RUNNING"));
  sfn.answers.set(execution.id, "ABORTED");

  await reportStatusChange({ mode: "mini", cluster: { id } });

  expect(emr.stateOf(id)).toBe("WAITING");
  expect(emr.cancelled.map(({ StepIds }) => StepIds)).toEqual([["s-1"]]);
});

test.each([null, {}, { cluster: null }, { cluster: { id: 3 } }, { cluster: { id: "j-99" } }])(
  "the status change of a run with the input %j, which names no existing cluster, does nothing",
  async (input) => {
    sfn.answers.set(execution.id, "FAILED");

    expect(await reportStatusChange(input)).toEqual({ clusterIds: [], states: {} });
  },
);
