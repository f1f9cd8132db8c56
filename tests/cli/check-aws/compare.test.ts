import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ceiling } from "../../../cli/check-aws/ceiling.ts";
import { compare, compareTogether } from "../../../cli/check-aws/compare.ts";
import type { Kind, Observation, ObservedCluster } from "../../../cli/check-aws/observation.ts";
import { withoutIds } from "../../../cli/check-aws/observe.ts";
import { differencesOf, type Report, renderReport } from "../../../cli/check-aws/report.ts";

const cluster: ObservedCluster = {
  id: "j-1",
  state: "TERMINATED",
  reason: "USER_REQUEST",
  release: "emr-7.13.0",
  steps: [{ name: "Inventory", state: "COMPLETED" }],
  nodes: ["m5.xlarge ON_DEMAND"],
  logs: ["node/*/bootstrap-actions/1/stderr.gz", "steps/*/controller.gz"],
  startMinutes: 7,
  endMinutes: -1,
  logMinutes: 3,
  pollMinutes: 0.9,
};

const observation: Observation = {
  kind: "x86",
  run: "inventory",
  runId: "run-1",
  status: "SUCCEEDED",
  error: "",
  cause: "",
  taskFailure: "",
  cluster,
  quotedUsd: 0.1,
  actualUsd: 0.12,
};

function aspectsThatDiffer(changed: Partial<Observation>): readonly string[] {
  return differencesOf({ comparisons: compare({ ...observation, ...changed }) }).map(({ aspect }) => aspect);
}

describe("compare", () => {
  it("finds no difference in the answers that are assumed", () => {
    expect(aspectsThatDiffer({})).toEqual([]);
  });

  it.each<[string, Partial<Observation>]>([
    ["status of the execution", { status: "FAILED" }],
    ["steps", { cluster: { ...cluster, steps: [{ name: "Inventory", state: "CANCELLED" }] } }],
    ["end of the cluster", { cluster: { ...cluster, reason: "ALL_STEPS_COMPLETED" } }],
    ["log steps/<id>/controller.gz", { cluster: { ...cluster, logs: cluster.logs.slice(0, 1) } }],
    ["minutes from RunJobFlow to ready", { cluster: { ...cluster, startMinutes: 12 } }],
    ["minutes from RunJobFlow to ready", { cluster: { ...cluster, startMinutes: null } }],
    ["minutes from a step's end to its state's", { cluster: { ...cluster, pollMinutes: 5 } }],
    ["actual cost, as a share of the quote", { actualUsd: 0.2 }],
  ])("finds another %s", (aspect, changed) => {
    expect(aspectsThatDiffer(changed)).toEqual([aspect]);
  });

  it("compares encrypted volumes only on the clusters that have them", () => {
    const compared = (kind: Kind) => compare({ ...observation, kind }).map(({ assumption }) => assumption);

    expect(compared("encrypted")).toContain("A17");
    expect(compared("spot")).not.toContain("A17");
  });

  it("finds that two runs had the same cluster", () => {
    const other = { ...observation, cluster: { ...cluster, id: "j-2" } };

    expect(compareTogether([observation, observation])).toMatchObject([{ answered: "1 clusters", same: false }]);
    expect(compareTogether([observation, other])).toMatchObject([{ answered: "2 clusters", same: true }]);
  });
});

describe("Ceiling", () => {
  it("never gives more than what is left, in whole cents", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 1_000, noNaN: true }),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.double({ min: 0, max: 2, noNaN: true }))),
        (usd, runs) => {
          const ceiling = new Ceiling(usd);
          for (const [count, shareSpent] of runs) {
            const share = ceiling.share(count);
            if (share === undefined) return;
            expect(share * count).toBeLessThanOrEqual(usd - ceiling.spent + 1e-6);
            expect(share).toBeGreaterThanOrEqual(0.01);
            expect(Number((share * 100).toFixed(6)) % 1).toBe(0);
            ceiling.spend(share * shareSpent);
          }
        },
      ),
    );
  });

  it.each([
    [0.29, 1, 0.29],
    [0.05, 2, 0.02],
    [0.01, 2, undefined],
  ])("shares %d USD among %d runs", (usd, count, expected) => {
    expect(new Ceiling(usd).share(count)).toBe(expected);
  });
});

it.each([
  ["steps/s-0ABC/stderr.gz", "steps/*/stderr.gz"],
  ["node/i-0abc/bootstrap-actions/1/stderr.gz", "node/*/bootstrap-actions/1/stderr.gz"],
  ["containers/application_1_2/container_1_2_3/stdout.gz", "containers/*/*/stdout.gz"],
])("the key %s is compared as %s", (key, expected) => {
  expect(withoutIds(key)).toBe(expected);
});

it("the report puts differences first, and its cells keep a table's form", () => {
  const report: Report = {
    account: "111122223333",
    region: "eu-west-1",
    kinds: ["x86"],
    startedAt: "2026-01-01T00:00:00.000Z",
    maxUsd: 1,
    spentUsd: 0.12,
    comparisons: compare({ ...observation, status: "FAILED|\nTIMED_OUT" }),
    skipped: [],
    observations: [observation],
    failure: null,
    removal: "deleted",
  };

  const text = renderReport(report);

  const row = "| A2 | x86 | inventory | status of the execution | SUCCEEDED | FAILED\\| TIMED_OUT |";
  expect(text.indexOf(row)).toBeGreaterThan(text.indexOf("## Differences"));
  expect(text.indexOf(row)).toBeLessThan(text.indexOf("## As assumed"));
});
