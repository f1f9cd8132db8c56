import { beforeEach, expect, test } from "vitest";
import type { Plan } from "../../../lambdas/contract/plan.ts";
import type { PreflightConfig } from "../../../lambdas/preflight/preflight-context.ts";
import { preflight } from "../../../lambdas/preflight/run-preflight.ts";
import { PreflightFailed } from "../../../lambdas/runtime/errors.ts";
import { EmrDouble } from "../../doubles/emr.ts";
import { SfnDouble } from "../../doubles/step-functions.ts";
import { anExecution, createReadyAccount } from "../fixtures.ts";
import { startMinistack } from "../ministack.ts";

const account = await startMinistack();
let config: PreflightConfig;
let emr: EmrDouble;

beforeEach(async () => {
  config = await createReadyAccount(account);
  emr = new EmrDouble();
});

const now = new Date("2026-01-01T12:00:00Z");
const until = "2026-01-01T12:30:00Z";
const input = { mode: "full", pca: { components: 2 } };

function run(name: string, more: object, changes: Partial<PreflightConfig> = {}): Promise<Plan> {
  return preflight(
    { state: { input: { ...input, ...more } }, execution: anExecution(name) },
    { ...config, ...changes },
    { ...account, emr: emr.client, sfn: new SfnDouble().client },
    now,
  );
}

/** A cluster as run-1 left it. */
function keep(changes: Record<string, string> = {}): string {
  const tags = {
    "orchard:execution-arn": anExecution("run-1").id,
    "orchard:run-id": "run-1",
    "orchard:wheelhouse-sha256": config.WHEELHOUSE_SHA256,
    "orchard:keep-until": until,
    ...changes,
  };
  return emr.create("orchard-run-1", tags, { ReleaseLabel: "emr-7.13.0" });
}

test("a run on a kept cluster is planned as that cluster is, and quoted without its start", async () => {
  const first = await run("run-1", { keepMinutes: 30, cluster: { coreType: "m5.2xlarge", coreCount: 3 } });
  const id = keep();

  const second = await run("run-2", { cluster: { id, executorMemory: "2g" } });

  expect(first).toMatchObject({ keepMinutes: 30, borrowed: null });
  expect(first.estimate.arithmetic).toMatch(/kept afterwards: .* x 30 min/);
  expect(second).toMatchObject({ keepMinutes: 0, borrowed: { clusterId: id, until } });
  expect(second.cluster).toEqual({ ...first.cluster, executorMemory: "2g" });
  expect(second.estimate.minutes).toBeLessThan(first.estimate.minutes);
  expect(second.estimate.usd).toBeLessThan(first.estimate.usd);
  const names = second.checks.map(({ name }) => name);
  expect(names.filter((name) => name.startsWith("kept-cluster"))).toHaveLength(6);
  expect(names).not.toContain("subnet");
  expect(second.checks.filter(({ ok }) => !ok)).toEqual([]);
});

test("a deadline that is too near is refused before anything runs", async () => {
  await run("run-1", { keepMinutes: 30 });
  const id = keep({ "orchard:keep-until": "2026-01-01T12:05:00Z" });

  const refused = run("run-2", { cluster: { id } });

  await expect(refused).rejects.toThrow(PreflightFailed);
  await expect(refused).rejects.toThrow(/^1 of 19 checks failed: kept-cluster-time: .*in 5 minutes/);
});

test("a cluster that is not there is one finding", async () => {
  await expect(run("run-2", { cluster: { id: "j-NONE" } })).rejects.toThrow(
    /^1 of 14 checks failed: kept-cluster: InvalidRequestException: .* Leave out cluster\.id/,
  );
});

test("another stack's cluster is not borrowed", async () => {
  const id = keep({
    "orchard:execution-arn": "arn:aws:states:eu-west-1:1:execution:Other:run-9",
    "orchard:run-id": "run-9",
  });

  await expect(run("run-2", { cluster: { id } })).rejects.toThrow(
    /^2 of 19 checks failed:\n- kept-cluster-owner: .* belongs to arn:.*:Other:run-9.*\n- kept-cluster-plan: No run in this bucket/,
  );
});

test("the ceiling counts the time that the cluster is kept", async () => {
  await expect(run("run-1", { keepMinutes: 120, maxCostUsd: 0.5 })).rejects.toThrow(
    /maxCostUsd: the plan is estimated at 0\.\d+ USD.*kept afterwards/,
  );
});
