import { CancelStepsCommand } from "@aws-sdk/client-emr";
import { beforeEach, expect, test } from "vitest";
import type { Teardown } from "../../../lambdas/contract/failure.ts";
import { leaveReusedCluster } from "../../../lambdas/teardown/leave-reused-cluster.ts";
import { terminateCluster } from "../../../lambdas/teardown/terminate-created-clusters.ts";
import { terminateClusterEventSchema } from "../../../lambdas/terminate-cluster.ts";
import { EmrDouble, emrClient } from "../../doubles/emr.ts";
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

    expect(await reportStatusChange(input)).toStrictEqual({ clusterIds: [], states: {} });
  },
);

test("fails if EMR refuses to cancel a step, and names the step with EMR's reason", async () => {
  const id = createKept(emr);
  emr.steps.push(aStep("s-3", "run-2", "PENDING"), aStep("s-2", "run-2", "RUNNING"), aStep("s-1", "run-2", "RUNNING"));
  const refusing = emrClient(async (command) => {
    if (!(command instanceof CancelStepsCommand)) return emr.client.send(command as never);
    return {
      CancelStepsInfoList: [
        { StepId: "s-3", Status: "SUBMITTED" },
        { StepId: "s-2", Status: "FAILED", Reason: "Step is already done" },
        { StepId: "s-1", Status: "FAILED", Reason: "Internal error" },
      ],
    };
  });

  await expect(leaveReusedCluster(refusing, id, "run-2")).rejects.toThrow(
    `Steps of run-2 on cluster ${id} were not cancelled: s-2 (Step is already done), s-1 (Internal error)`,
  );
});

test("without steps to cancel, and of a cluster that is ending, nothing is cancelled", async () => {
  const idle = createKept(emr);
  emr.steps.push(aStep("s-1", "run-2", "COMPLETED"));
  expect(await leaveReusedCluster(emr.client, idle, "run-2")).toBe("WAITING");

  const ending = createKept(emr, {}, { Status: { State: "TERMINATING" } });
  emr.steps.push(aStep("s-2", "run-2", "RUNNING"));
  expect(await leaveReusedCluster(emr.client, ending, "run-2")).toBe("TERMINATING");

  expect(emr.cancelled).toEqual([]);
});

test.each([
  ["InvalidRequestException", "The request is too long."],
  ["ThrottlingException", "Cluster id 'j-1' is not valid."],
])("fails if EMR does not describe the cluster because of %s: %s", async (name, message) => {
  const failing = emrClient(async () => {
    throw Object.assign(new Error(message), { name });
  });

  await expect(leaveReusedCluster(failing, "j-1", "run-2")).rejects.toThrow(message);
});

test("the failure of a run whose steps cannot be cancelled is reported, after its own clusters are terminated", async () => {
  const id = createKept(emr);
  const own = emr.create("orchard-run-2", { "orchard:execution-arn": execution.id });
  emr.steps.push(aStep("s-1", "run-2", "RUNNING"));
  const refusing = emrClient(async (command) => {
    if (command instanceof CancelStepsCommand) throw new Error("Rate exceeded");
    return emr.client.send(command as never);
  });
  const event = terminateClusterEventSchema.parse({ state: { plan: reusingPlan(id), cluster: { id } }, execution });

  await expect(terminateCluster(event, { emr: refusing, sfn: sfn.client })).rejects.toThrow("Rate exceeded");

  expect(emr.stateOf(own)).toBe("TERMINATING");
});
