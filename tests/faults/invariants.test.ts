import { describe, expect, it } from "vitest";
import { deploy } from "./deployed.ts";
import { invariants } from "./invariants/all-invariants.ts";
import { everyClusterEnds } from "./invariants/clusters-end.ts";
import { everyExecutionEnds } from "./invariants/executions-end.ts";
import { firstFailureStands } from "./invariants/first-failure.ts";
import { keptAsPromised } from "./invariants/kept-clusters.ts";
import { oneTrueNotification } from "./invariants/notifications.ts";
import { onlyOwnClusters } from "./invariants/own-clusters.ts";
import { successIsTrue } from "./invariants/true-success.ts";
import { latestIsValid } from "./invariants/valid-latest.ts";
import { keep } from "./kept.ts";
import { play } from "./scenarios.ts";
import type { World } from "./world.ts";

const deployed = deploy();

interface Case {
  readonly check: (world: World) => string[];
  /** Changes the records of a run in which all is well, so that they break the invariant. */
  readonly breaks: (world: World) => unknown;
  readonly reports: string;
  readonly isKept?: boolean;
}

function first<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined) throw new Error("The world has no such record");
  return item;
}

function firstRun(world: World) {
  return first(first(world.executions).runs);
}

/** Moves the end of the kept cluster. */
function moveEnd(world: World, byMs: number): void {
  const cluster = first(world.created);
  cluster.endingSince = (cluster.endingSince ?? 0) + byMs;
}

const cases: Readonly<Record<string, readonly Case[]>> = {
  "every cluster ends": [
    {
      check: everyClusterEnds,
      breaks: ({ created }) => Object.assign(first(created).Status, { State: "WAITING" }),
      reports: "is WAITING",
    },
    {
      check: everyClusterEnds,
      breaks: (world) => {
        Object.assign(firstRun(world), { endedAt: 0 });
        for (const call of world.clusterCalls) Object.assign(call, { by: { execution: "", state: "layer 3" } });
      },
      reports: "was ended by layer 3, not by its execution",
    },
    {
      check: everyClusterEnds,
      breaks: ({ created }) => Object.assign(first(created), { Tags: [] }),
      reports: "has no execution's tag",
    },
  ],
  "only own clusters": [
    {
      check: onlyOwnClusters,
      breaks: ({ clusterCalls }) =>
        Object.assign(first(clusterCalls), { by: { execution: "run-2", state: "TerminateCluster" } }),
      reports: "TerminateCluster called TerminateJobFlows",
    },
    {
      check: onlyOwnClusters,
      breaks: ({ clusterCalls }) => Object.assign(first(clusterCalls), { by: { execution: "", state: "layer 3" } }),
      reports: "the caller had read nothing",
    },
  ],
  "one true mail": [
    { check: oneTrueNotification, breaks: ({ mails }) => mails.splice(0), reports: "ended with 0 notifications" },
    {
      check: oneTrueNotification,
      breaks: ({ mails }) => mails.push(...mails),
      reports: "ended with 2 notifications",
    },
    {
      check: oneTrueNotification,
      breaks: ({ mails, created }) => Object.assign(first(mails), { alive: created }),
      reports: "does not say that a cluster of run-1 may be running",
    },
  ],
  "the first failure": [
    {
      check: firstFailureStands,
      breaks: (world) => Object.assign(firstRun(world), { outcome: { status: "FAILED", error: "TypeError" } }),
      reports: "is FAILED without cause",
    },
  ],
  "a true success": [
    {
      check: successIsTrue,
      breaks: ({ s3 }) => s3.objects.delete("runs/run-1/manifest.json"),
      reports: "run-1 is not valid",
    },
    {
      check: successIsTrue,
      breaks: (world) => Object.assign(firstRun(world), { endedAt: 0 }),
      reports: "run-1 succeeded before",
    },
    {
      check: successIsTrue,
      breaks: (world) => Object.assign(firstRun(world), { outcome: { status: "FAILED" } }),
      reports: "is FAILED without a fault",
    },
  ],
  "a valid latest": [
    {
      check: latestIsValid,
      breaks: ({ wrongLatest }) => wrongLatest.push("run-1"),
      reports: "latest pointed at run-1",
    },
  ],
  "a kept cluster": [
    {
      check: keptAsPromised,
      isKept: true,
      breaks: (world) => moveEnd(world, -3_600_000),
      reports: "before its deadline",
    },
    {
      check: keptAsPromised,
      isKept: true,
      breaks: (world) => moveEnd(world, 3_600_000),
      reports: "minutes late",
    },
  ],
  "every execution ends": [
    {
      check: everyExecutionEnds,
      breaks: (world) => Object.assign(firstRun(world), { outcome: { status: "RUNNING" } }),
      reports: "run-1 still runs",
    },
  ],
};

it("has a case of each invariant", () => {
  const checked = new Set(Object.values(cases).flatMap((some) => some.map(({ check }) => check)));

  expect(checked).toEqual(new Set(Object.values(invariants)));
});

describe.each(Object.entries(cases))("%s", (_name, some) => {
  it.each(some)("reports: $reports", async ({ check, breaks, reports, isKept = false }) => {
    const world = await play(deployed, { name: "all is well", faults: [], ...(isKept && { inputs: [keep] }) });
    expect(check(world)).toEqual([]);

    breaks(world);

    expect(check(world).join("\n")).toContain(reports);
  });
});
