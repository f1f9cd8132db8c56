import { expect, test } from "vitest";
import type { PartialState } from "../../../lambdas/contract/state-data.ts";
import { failureMail } from "../../../lambdas/mail/failure.ts";
import { successMail } from "../../../lambdas/mail/success.ts";
import { execution, now, reusingPlan, until } from "../kept-cluster.ts";
import { cost, state as stateWith } from "./states.ts";

function state(members: object): PartialState {
  return stateWith({ input: { mode: "mini", keepMinutes: 30 }, cluster: { id: "j-1" }, ...members });
}

/** The other executions are on the embedded account. */
const onAws = { ...execution, id: execution.id.replace("000000000000", "111122223333") };
const kept = { clusterId: "j-1", until, usdPerHour: 0.524 };
const inputToRunAgain = `'{"mode":"mini","force":true,"cluster":{"id":"j-1"}}'`;

// Success

test.each([
  ["kept", { kept }],
  ["reused", { plan: reusingPlan("j-1") }],
])("a success says first until when the %s cluster costs money, and what to do", (_, members) => {
  const [first, , ...lines] = successMail(state(members), onAws, now).message.split("\n");

  expect(first).toBe("Run run-2 (mini) succeeded.");
  expect(lines.slice(0, 5)).toEqual([
    "CLUSTER j-1 IS KEPT AND COSTS MONEY until 2026-01-01 12:30 UTC, about 0.52 USD an hour.",
    "Run on it again, with the job as it is deployed by then:",
    expect.stringMatching(/^ {2}aws stepfunctions start-execution .* --input /),
    "End it now:",
    "  aws emr terminate-clusters --cluster-ids j-1",
  ]);
  expect(lines[2]).toContain(inputToRunAgain);
});

test("on the embedded account, a kept cluster costs nothing", () => {
  const { message } = successMail(state({ kept }), execution, now);

  expect(message).toContain(
    "CLUSTER j-1 IS KEPT until 2026-01-01 12:30 UTC. On AWS, it would cost about 0.52 USD an hour.",
  );
});

test.each([
  ["has been terminated", { cost }, now],
  ["is past its deadline", {}, new Date("2026-01-01T12:30:01Z")],
])("a success does not call a cluster kept that %s", (_, members, when) => {
  const { message } = successMail(state({ kept, ...members }), execution, when);

  expect(message).not.toContain("KEPT");
  expect(message).toContain("Cluster:   terminated");
});

test("a success that ran nothing on the reused cluster does not mention it", () => {
  const { message } = successMail(state({ cluster: undefined, plan: reusingPlan("j-1") }), execution, now);

  expect(message).not.toContain("KEPT");
});

// Failure

const error = { Error: "States.TaskFailed", Cause: "" };

test("a failure says that the reused cluster stays alive, without an alarm", () => {
  const { subject, message } = failureMail(state({ plan: reusingPlan("j-1"), scripts: {}, error }), execution);

  expect(subject).not.toContain("MAY BE RUNNING");
  expect(message).toContain("j-1 was reused and stays alive until 2026-01-01 12:30 UTC");
  expect(message).not.toContain("terminate-clusters");
});

test("a failure says that the reused cluster is gone", () => {
  const teardown = { clusterIds: [], states: { "j-1": "TERMINATED_WITH_ERRORS" } };
  const failed = state({ plan: reusingPlan("j-1"), scripts: {}, error, teardown });

  expect(failureMail(failed, execution).message).toContain("j-1 was reused and is TERMINATED_WITH_ERRORS");
});

test("a failure has the command to terminate the reused cluster if its steps could not be cancelled", () => {
  const teardownError = { Error: "ThrottlingException", Cause: "" };
  const failed = state({ plan: reusingPlan("j-1"), scripts: {}, error, teardownError });

  expect(failureMail(failed, execution).message).toContain("aws emr terminate-clusters --cluster-ids j-1");
});

test.each([
  ["WAITING", "Start again, with the same input:", { mode: "mini", cluster: { id: "j-1" } }],
  ["TERMINATING", "without the cluster that is gone:", { mode: "mini" }],
])("a failure whose reused cluster is %s has the input that starts it again", (clusterState, words, again) => {
  const input = { mode: "mini", cluster: { id: "j-1" } };
  const teardown = { clusterIds: [], states: { "j-1": clusterState } };
  const failed = state({ input, plan: reusingPlan("j-1"), scripts: {}, error, teardown });

  const { message } = failureMail(failed, execution);

  expect(message).toContain(words);
  expect(message).toContain(`--input '${JSON.stringify(again)}'`);
});
