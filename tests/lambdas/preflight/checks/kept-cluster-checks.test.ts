import type { StepSummary } from "@aws-sdk/client-emr";
import { beforeEach, expect, test } from "vitest";
import { keptClusterChecks } from "../../../../lambdas/preflight/checks/kept-cluster-checks.ts";
import { runChecks } from "../../../../lambdas/preflight/checks/run-checks.ts";
import type { FoundCluster } from "../../../../lambdas/preflight/kept-cluster.ts";
import { EmrDouble } from "../../../doubles/emr.ts";
import { SfnDouble } from "../../../doubles/step-functions.ts";
import { anExecution, aPlan } from "../../fixtures.ts";
import { aStep, createKept as createKeptIn, creator, execution, now, wheelhouse } from "../../kept-cluster.ts";

let emr: EmrDouble;
let sfn: SfnDouble;
beforeEach(() => {
  emr = new EmrDouble();
  sfn = new SfnDouble();
});

function createKept(tags: Record<string, string | undefined> = {}, changes = {}): string {
  return createKeptIn(emr, tags, changes);
}

const { cluster: planned } = aPlan("data");

async function failedChecks(
  id: string,
  {
    steps = [],
    minutes = 20,
    plan = planned,
    wanted = wheelhouse,
  }: { steps?: StepSummary[]; minutes?: number; plan?: FoundCluster["plan"] | null; wanted?: string } = {},
): Promise<readonly string[]> {
  const value: FoundCluster = { cluster: emr.find(id), steps, plan: plan ?? undefined };
  const outcomes = await runChecks(
    keptClusterChecks({
      id,
      found: { status: "fulfilled", value },
      execution,
      sfn: sfn.client,
      environment: { wheelhouse: wanted, releaseLabel: "emr-7.13.0" },
      minutes,
      now,
    }),
  );
  return outcomes.filter(({ ok }) => !ok).map(({ name, detail, remedy }) => `${name}: ${detail}. ${remedy}`);
}

test("a kept cluster can be reused if it is idle and has the environment of a new one", async () => {
  sfn.answers.set(creator.id, "SUCCEEDED");

  expect(await failedChecks(createKept(), { steps: [aStep("s-1", "run-1", "COMPLETED")] })).toEqual([]);
});

test("a kept cluster with the wheels for bf16 serves runs in float32 too, but not the reverse", async () => {
  const more = "c".repeat(64);
  const withBf16 = { "orchard:wheelhouse-sha256": `${wheelhouse}+${more}` };

  expect(await failedChecks(createKept(withBf16))).toEqual([]);
  expect(await failedChecks(createKept(), { wanted: `${wheelhouse}+${more}` })).toEqual([
    expect.stringMatching(
      /^kept-cluster-environment: j-2 was created with wheelhouse a+; a new cluster would get a+\+c+/,
    ),
  ]);
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
    "belongs to no execution",
    /^kept-cluster-owner: j-1 belongs to no execution/,
    () => failedChecks(createKept({ "orchard:execution-arn": undefined })),
  ],
  [
    "belongs to another state machine",
    /^kept-cluster-owner: j-1 belongs to arn:/,
    () => failedChecks(createKept({ "orchard:execution-arn": creator.id.replace(":Orchard:", ":Orchard2:") })),
  ],
  [
    "is not kept",
    /^kept-cluster-time: j-1 has no time until which it is kept/,
    () => failedChecks(createKept({ "orchard:keep-until": undefined })),
  ],
  [
    "has a malformed deadline",
    /^kept-cluster-time: j-1 has no time until which it is kept/,
    () => failedChecks(createKept({ "orchard:keep-until": "tomorrow" })),
  ],
  [
    "is past its deadline",
    /^kept-cluster-time: j-1 ends at 2026-01-01T11:59:59Z, in 0 minutes/,
    () => failedChecks(createKept({ "orchard:keep-until": "2026-01-01T11:59:59Z" }), { minutes: 0 }),
  ],
  [
    "has too little time left",
    /^kept-cluster-time: j-1 ends at .*, in 30 minutes; the run is estimated at 26 minutes and needs another 5 in reserve/,
    () => failedChecks(createKept(), { minutes: 26 }),
  ],
  [
    "has another wheelhouse",
    /^kept-cluster-environment: j-1 was created with wheelhouse b+; a new cluster would get a+/,
    () => failedChecks(createKept({ "orchard:wheelhouse-sha256": "b".repeat(64) })),
  ],
  [
    "has another release",
    /^kept-cluster-environment: j-1 has emr-7\.12\.0; a new cluster would get emr-7\.13\.0/,
    () => failedChecks(createKept({}, { ReleaseLabel: "emr-7.12.0" })),
  ],
  [
    "is described by no plan",
    /^kept-cluster-plan: No run in this bucket has a plan for j-1/,
    () => failedChecks(createKept(), { plan: null }),
  ],
  [
    "has an active step",
    /^kept-cluster-free: Step s-1 \(Inventory\) of run-3 is active on j-1/,
    () => failedChecks(createKept(), { steps: [aStep("s-1", "run-3", "RUNNING")] }),
  ],
])("refuses a cluster that %s, with a remedy", async (_, expected, check) => {
  const failed = await check();

  expect(failed).toHaveLength(1);
  expect(failed[0]).toMatch(expected);
});

test("refuses a cluster whose execution runs, even between two steps", async () => {
  sfn.answers.set(anExecution("run-3").id, "RUNNING");
  const steps = [aStep("s-2", "run-3", "COMPLETED"), aStep("s-1", "run-1", "COMPLETED")];

  expect(await failedChecks(createKept(), { steps })).toEqual([
    expect.stringMatching(/^kept-cluster-free: Execution run-3 is still running on j-1/),
  ]);
});

test("fails in one check for a cluster that EMR does not know", async () => {
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
