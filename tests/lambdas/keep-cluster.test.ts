import type { StepSummary } from "@aws-sdk/client-emr";
import { beforeEach, expect, test } from "vitest";
import type { Teardown } from "../../lambdas/contract/failure.ts";
import { partialStateSchema } from "../../lambdas/contract/state-data.ts";
import { failureMail, stoppedMail, successMail } from "../../lambdas/mail/mail.ts";
import { planBorrowed, withKeeping } from "../../lambdas/planning/kept-plan.ts";
import { keptClusterChecks } from "../../lambdas/preflight/checks/kept-cluster-checks.ts";
import { runChecks } from "../../lambdas/preflight/checks/run-checks.ts";
import type { FoundCluster } from "../../lambdas/preflight/kept-cluster.ts";
import { ClusterNotOurs } from "../../lambdas/runtime/errors.ts";
import { keepCluster } from "../../lambdas/teardown/keep-until.ts";
import { terminateCluster } from "../../lambdas/teardown/terminate-created-clusters.ts";
import { terminateClusterEventSchema } from "../../lambdas/terminate-cluster.ts";
import { EmrDouble } from "../doubles/emr.ts";
import { SfnDouble } from "../doubles/step-functions.ts";
import { anExecution, aPlan } from "./fixtures.ts";

let emr: EmrDouble;
let sfn: SfnDouble;
beforeEach(() => {
  emr = new EmrDouble();
  sfn = new SfnDouble();
});

const now = new Date("2026-01-01T12:00:00.500Z");
const until = "2026-01-01T12:30:00Z";
const execution = { ...anExecution("run-2"), startTime: "2026-01-01T11:50:00Z" };
const creator = anExecution("run-1");
const wheelhouse = "a".repeat(64);
const keptTags = {
  "orchard:execution-arn": creator.id,
  "orchard:run-id": "run-1",
  "orchard:wheelhouse-sha256": wheelhouse,
  "orchard:keep-until": until,
};

function createKept(tags: Record<string, string | undefined> = {}, changes = {}): string {
  const all = Object.entries({ ...keptTags, ...tags }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return emr.create("orchard-run-1", Object.fromEntries(all), { ReleaseLabel: "emr-7.13.0", ...changes });
}

function aStep(Id: string, run: string, State: "PENDING" | "RUNNING" | "COMPLETED" | "FAILED"): StepSummary {
  return {
    Id,
    Name: "Inventory",
    Config: { Args: ["spark-submit", "--plan", `s3://data/runs/${run}/plan.json`] },
    Status: { State },
  };
}

// Keeping

function keep(id: string, keepMinutes = 30) {
  return keepCluster(
    { state: { plan: aPlan("data", { keepMinutes }), cluster: { id } }, execution: creator },
    emr.client,
    now,
  );
}

test("a kept cluster bears its deadline, and an idle time that lies a little beyond", async () => {
  const id = emr.create("orchard-run-1", { "orchard:execution-arn": creator.id });

  const kept = await keep(id);

  expect(kept).toEqual({ clusterId: id, until, usdPerHour: expect.closeTo(0.28, 1) });
  expect(emr.find(id).Tags).toContainEqual({ Key: "orchard:keep-until", Value: until });
  expect(emr.idleTimeouts.get(id)).toBe(45 * 60);
  expect(emr.stateOf(id)).toBe("WAITING");
});

test("a cluster is kept no longer than the ceiling pays for", async () => {
  const created = new Date("2026-01-01T11:40:00.500Z");
  const id = emr.create("orchard-run-1", { "orchard:execution-arn": creator.id }, {}, created);

  const plan = aPlan("data", { keepMinutes: 30, maxHours: 0.5 });
  const kept = await keepCluster({ state: { plan, cluster: { id } }, execution: creator }, emr.client, now);

  expect(kept.until).toBe("2026-01-01T12:10:00Z");
  expect(emr.idleTimeouts.get(id)).toBe(25 * 60);
});

test("another execution's cluster is not kept", async () => {
  const id = emr.create("orchard-run-1", { "orchard:execution-arn": execution.id });

  await expect(keep(id)).rejects.toThrow(ClusterNotOurs);

  expect(emr.idleTimeouts.size).toBe(0);
});

test("a cluster that has died meanwhile is not kept", async () => {
  const id = emr.create("orchard-run-1", { "orchard:execution-arn": creator.id }, { Status: { State: "TERMINATING" } });

  await expect(keep(id)).rejects.toThrow(`Cluster ${id} is TERMINATING, not to be kept`);
});

// Borrowing

const { cluster: planned, estimate } = aPlan("data");

async function failedChecks(
  id: string,
  {
    steps = [],
    minutes = 20,
    plan = planned,
  }: { steps?: StepSummary[]; minutes?: number; plan?: FoundCluster["plan"] | null } = {},
): Promise<readonly string[]> {
  const value: FoundCluster = { cluster: emr.find(id), steps, plan: plan ?? undefined };
  const outcomes = await runChecks(
    keptClusterChecks({
      id,
      found: { status: "fulfilled", value },
      execution,
      sfn: sfn.client,
      environment: { wheelhouse, releaseLabel: "emr-7.13.0" },
      minutes,
      now,
    }),
  );
  return outcomes.filter(({ ok }) => !ok).map(({ name, detail, remedy }) => `${name}: ${detail}. ${remedy}`);
}

test("a cluster that is kept, idle and as it would be made now can be borrowed", async () => {
  sfn.answers.set(creator.id, "SUCCEEDED");

  expect(await failedChecks(createKept(), { steps: [aStep("s-1", "run-1", "COMPLETED")] })).toEqual([]);
});

test.each<[string, RegExp, () => Promise<readonly string[]>]>([
  [
    "has ended",
    /^kept-cluster: j-1 is TERMINATED\. Leave out cluster\.id/,
    () => failedChecks(createKept({}, { Status: { State: "TERMINATED" } })),
  ],
  [
    "is still starting",
    /^kept-cluster: j-1 is BOOTSTRAPPING/,
    () => failedChecks(createKept({}, { Status: { State: "BOOTSTRAPPING" } })),
  ],
  [
    "is nobody's",
    /^kept-cluster-owner: j-1 belongs to no execution/,
    () => failedChecks(createKept({ "orchard:execution-arn": undefined })),
  ],
  [
    "is another state machine's",
    /^kept-cluster-owner: j-1 belongs to arn:/,
    () => failedChecks(createKept({ "orchard:execution-arn": creator.id.replace(":Orchard:", ":Orchard2:") })),
  ],
  [
    "is not kept",
    /^kept-cluster-time: j-1 is not kept/,
    () => failedChecks(createKept({ "orchard:keep-until": undefined })),
  ],
  [
    "is kept until no time",
    /^kept-cluster-time: j-1 is not kept/,
    () => failedChecks(createKept({ "orchard:keep-until": "tomorrow" })),
  ],
  [
    "is past its deadline",
    /^kept-cluster-time: j-1 ends at 2026-01-01T11:59:59Z, in 0 minutes/,
    () => failedChecks(createKept({ "orchard:keep-until": "2026-01-01T11:59:59Z" }), { minutes: 0 }),
  ],
  [
    "has too little time left",
    /^kept-cluster-time: j-1 ends at .*, in 30 minutes; the run is estimated at 26 minutes, and needs 5 in reserve/,
    () => failedChecks(createKept(), { minutes: 26 }),
  ],
  [
    "has other wheels",
    /^kept-cluster-environment: j-1 was created with wheelhouse b+, a new cluster would get a+/,
    () => failedChecks(createKept({ "orchard:wheelhouse-sha256": "b".repeat(64) })),
  ],
  [
    "has another release",
    /^kept-cluster-environment: j-1 has emr-7\.12\.0, a new cluster would get emr-7\.13\.0/,
    () => failedChecks(createKept({}, { ReleaseLabel: "emr-7.12.0" })),
  ],
  [
    "no plan describes",
    /^kept-cluster-plan: No run in this bucket has planned j-1/,
    () => failedChecks(createKept(), { plan: null }),
  ],
  [
    "has a step on it",
    /^kept-cluster-free: Step s-1 \(Inventory\) of run-3 is active on j-1/,
    () => failedChecks(createKept(), { steps: [aStep("s-1", "run-3", "RUNNING")] }),
  ],
])("a cluster that %s is refused, with a remedy", async (_, expected, check) => {
  const failed = await check();

  expect(failed).toHaveLength(1);
  expect(failed[0]).toMatch(expected);
});

test("a cluster is in use between two steps of an execution, too", async () => {
  sfn.answers.set(anExecution("run-3").id, "RUNNING");
  const steps = [aStep("s-2", "run-3", "COMPLETED"), aStep("s-1", "run-1", "COMPLETED")];

  expect(await failedChecks(createKept(), { steps })).toEqual([
    expect.stringMatching(/^kept-cluster-free: Execution run-3 is still running on j-1/),
  ]);
});

test("a cluster that EMR does not know is one failed check", async () => {
  const [outcome, ...rest] = keptClusterChecks({
    id: "j-9",
    found: { status: "rejected", reason: new Error("Cluster id 'j-9' is not valid.") },
    execution,
    sfn: sfn.client,
    environment: { wheelhouse, releaseLabel: "emr-7.13.0" },
    minutes: 1,
    now,
  });

  expect(rest).toEqual([]);
  expect(() => outcome?.run()).toThrow("Cluster id 'j-9' is not valid.");
});

test("the quote has the time that the cluster is kept", () => {
  const quote = withKeeping(estimate, planned, 60);

  expect(quote.minutes).toBe(estimate.minutes);
  expect(quote.usd).toBeGreaterThan(estimate.usd + 0.2);
  expect(quote.usdAtMost - quote.usd).toBeCloseTo(estimate.usdAtMost - estimate.usd, 2);
  expect(quote.arithmetic).toMatch(/kept afterwards: 0\.\d+ USD\/h x 60 min = 0\.\d+ USD/);
  expect(withKeeping(estimate, planned, 0)).toBe(estimate);
});

test("a run on it is planned as it is, with the executors asked for, as far as they fit", () => {
  const work = { images: 60, newImages: 60, steps: { inventory: true, features: true, reduction: true, any: true } };
  const plan = (executorMemory: string) =>
    planBorrowed(planned, { work, overrides: { executorMemory }, region: "eu-west-1" });

  expect(plan("1g")).toMatchObject({ cluster: { name: planned.name, executorMemory: "1g" }, problems: [] });
  expect(plan("1g").estimate.minutes).toBeLessThan(estimate.minutes);
  expect(plan("99g").problems).toEqual([expect.stringMatching(/executorMemory: 99g .* do not fit/)]);
});

// A failure on a borrowed cluster

function borrowingPlan(clusterId: string) {
  return aPlan("data", { runId: "run-2", borrowed: { clusterId, until, usdPerHour: 0.524 } });
}

function terminate(event: object): Promise<Teardown> {
  return terminateCluster(terminateClusterEventSchema.parse(event), { emr: emr.client, sfn: sfn.client });
}

test("the failure of a run on a borrowed cluster ends its steps there, and not the cluster", async () => {
  const id = createKept();
  emr.steps.push(
    aStep("s-3", "run-2", "PENDING"),
    aStep("s-2", "run-2", "RUNNING"),
    aStep("s-1", "run-2", "FAILED"),
    aStep("s-0", "run-1", "RUNNING"),
  );

  const teardown = await terminate({ state: { plan: borrowingPlan(id), cluster: { id } }, execution });

  expect(teardown).toEqual({ clusterIds: [], states: { [id]: "WAITING" } });
  expect(emr.stateOf(id)).toBe("WAITING");
  expect(emr.cancelled).toEqual([
    { ClusterId: id, StepIds: ["s-3", "s-2"], StepCancellationOption: "TERMINATE_PROCESS" },
  ]);
});

function statusChange(input: object | null): Promise<Teardown> {
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

test("so does the status change of one that was stopped", async () => {
  const id = createKept();
  emr.steps.push(aStep("s-1", "run-2", "RUNNING"));
  sfn.answers.set(execution.id, "ABORTED");

  await statusChange({ mode: "mini", cluster: { id } });

  expect(emr.stateOf(id)).toBe("WAITING");
  expect(emr.cancelled.map(({ StepIds }) => StepIds)).toEqual([["s-1"]]);
});

test.each([null, {}, { cluster: null }, { cluster: { id: 3 } }, { cluster: { id: "j-99" } }])(
  "the status change of an execution with the input %j, which names no cluster that is there, is no failure",
  async (input) => {
    sfn.answers.set(execution.id, "FAILED");

    expect(await statusChange(input)).toEqual({ clusterIds: [], states: {} });
  },
);

// Mails

function state(parts: object) {
  return partialStateSchema.parse({
    input: { mode: "mini", keepMinutes: 30 },
    plan: aPlan("data"),
    cluster: { id: "j-1" },
    ...parts,
  });
}
const kept = { clusterId: "j-1", until, usdPerHour: 0.524 };
const cost = {
  quotedUsd: 0.5,
  actualUsd: 0.1,
  forecastErrorPercent: null,
  minutes: { quoted: 30, actual: 12 },
  isFinal: false,
  isAlive: true,
  arithmetic: "",
};
const runAgain = `'{"mode":"mini","force":true,"cluster":{"id":"j-1"}}'`;

test.each([
  ["kept", { kept }],
  ["borrowed", { plan: borrowingPlan("j-1") }],
])("the mail of a run whose cluster was %s says first until when it costs money, and what to do", (_, parts) => {
  const [first, , ...lines] = successMail(state(parts), execution, now).message.split("\n");

  expect(first).toBe("Run run-2 (mini) succeeded.");
  expect(lines.slice(0, 5)).toEqual([
    "CLUSTER j-1 IS KEPT AND COSTS MONEY until 2026-01-01 12:30 UTC, about 0.52 USD an hour.",
    "Run again on it, with the job as it is deployed then:",
    expect.stringMatching(/^ {2}aws stepfunctions start-execution .* --input /),
    "End it now:",
    "  aws emr terminate-clusters --cluster-ids j-1",
  ]);
  expect(lines[2]).toContain(runAgain);
});

test.each([
  ["something has ended", { cost: { ...cost, isAlive: false } }, now],
  ["is past its deadline", {}, new Date("2026-01-01T12:30:01Z")],
])("a cluster that %s is not said to be kept", (_, parts, when) => {
  const { message } = successMail(state({ kept, ...parts }), execution, when);

  expect(message).not.toContain("KEPT");
  expect(message).toContain("Cluster:   terminated");
});

test("a borrowed cluster that nothing ran on is not spoken of", () => {
  const { message } = successMail(state({ cluster: undefined, plan: borrowingPlan("j-1") }), execution, now);

  expect(message).not.toContain("COSTS MONEY");
});

test("the mail about a failure on a borrowed cluster says that it goes on, and raises no alarm", () => {
  const failed = state({ plan: borrowingPlan("j-1"), scripts: {}, error: { Error: "States.TaskFailed", Cause: "" } });

  const { subject, message } = failureMail(failed, execution);
  expect(subject).not.toContain("MAY BE RUNNING");
  expect(message).toContain("j-1 was borrowed and goes on until 2026-01-01 12:30 UTC");
  expect(message).not.toContain("terminate-clusters");

  const gone = { clusterIds: [], states: { "j-1": "TERMINATED_WITH_ERRORS" } };
  expect(failureMail({ ...failed, teardown: gone }, execution).message).toContain(
    "j-1 was borrowed and is TERMINATED_WITH_ERRORS",
  );

  const stuck = failureMail({ ...failed, teardownError: { Error: "ThrottlingException", Cause: "" } }, execution);
  expect(stuck.message).toContain("aws emr terminate-clusters --cluster-ids j-1");
});

test("a run on a borrowed cluster is started again on it, unless it is gone", () => {
  const input = { mode: "mini", cluster: { id: "j-1" } };
  const error = { Error: "States.TaskFailed", Cause: "" };
  const failed = state({ input, plan: borrowingPlan("j-1"), scripts: {}, error });
  const found = (as: string) => ({ ...failed, teardown: { clusterIds: [], states: { "j-1": as } } });

  const alive = failureMail(found("WAITING"), execution).message;
  expect(alive).toContain("Start again, with the same input:");
  expect(alive).toContain(`--input '{"mode":"mini","cluster":{"id":"j-1"}}'`);

  const gone = failureMail(found("TERMINATING"), execution).message;
  expect(gone).toContain("without the cluster that is gone:");
  expect(gone).toContain(`--input '{"mode":"mini"}'`);
});

test("the mail about a stopped run says what becomes of the cluster that it borrowed", () => {
  const stopped = { executionArn: execution.id, name: "run-2", status: "ABORTED", error: "", cause: "" } as const;

  const { message } = stoppedMail(
    { ...stopped, input: '{"mode":"mini","cluster":{"id":"j-1"}}' },
    { ours: [], failures: [] },
  );

  expect(message).toContain("j-1, which the input names, is left alone");
  expect(message).not.toContain("none was found");
});
