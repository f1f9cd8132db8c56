import { describe, expect, it } from "vitest";
import { deploy } from "./account/deployed.ts";
import type { Simulation } from "./account/simulation.ts";
import { invariants } from "./invariants/all-invariants.ts";
import { everyClusterEnds } from "./invariants/clusters-end.ts";
import { everyExecutionEnds } from "./invariants/executions-end.ts";
import { firstFailureStands } from "./invariants/first-failure.ts";
import { keptAsPromised } from "./invariants/kept-clusters.ts";
import { oneTrueNotification } from "./invariants/notifications.ts";
import { onlyOwnClusters } from "./invariants/own-clusters.ts";
import { successIsTrue } from "./invariants/true-success.ts";
import { latestIsValid } from "./invariants/valid-latest.ts";
import { inputToKeepCluster } from "./scenarios/kept-cluster.ts";
import { play } from "./scenarios/play.ts";

const deployed = deploy();

interface Case {
  readonly check: (simulation: Simulation) => string[];
  /** Changes the records of a run in which all is well, so that they break the invariant. */
  readonly breaks: (simulation: Simulation) => unknown;
  readonly reports: string;
  readonly isKept?: boolean;
}

function first<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined) throw new Error("The simulation has no such record");
  return item;
}

function firstRun(simulation: Simulation) {
  return first(first(simulation.executions).runs);
}

/** Moves the end of the kept cluster. */
function moveEnd(simulation: Simulation, byMs: number): void {
  const cluster = first(simulation.createdClusters);
  cluster.endingSince = (cluster.endingSince ?? 0) + byMs;
}

const cases: Readonly<Record<string, readonly Case[]>> = {
  "every cluster ends": [
    {
      check: everyClusterEnds,
      breaks: ({ createdClusters }) => Object.assign(first(createdClusters).Status, { State: "WAITING" }),
      reports: "is WAITING",
    },
    {
      check: everyClusterEnds,
      breaks: (simulation) => {
        Object.assign(firstRun(simulation), { endedAt: 0 });
        for (const call of simulation.clusterCalls) Object.assign(call, { by: { execution: "", state: "layer 3" } });
      },
      reports: "was ended by layer 3, not by its execution",
    },
    {
      check: everyClusterEnds,
      breaks: ({ createdClusters }) => Object.assign(first(createdClusters), { Tags: [] }),
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
      breaks: ({ mails, createdClusters }) => Object.assign(first(mails), { alive: createdClusters }),
      reports: "does not say that a cluster of run-1 may be running",
    },
  ],
  "the first failure": [
    {
      check: firstFailureStands,
      breaks: (simulation) =>
        Object.assign(firstRun(simulation), { outcome: { status: "FAILED", error: "TypeError" } }),
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
      breaks: (simulation) => Object.assign(firstRun(simulation), { endedAt: 0 }),
      reports: "run-1 succeeded before",
    },
    {
      check: successIsTrue,
      breaks: (simulation) => Object.assign(firstRun(simulation), { outcome: { status: "FAILED" } }),
      reports: "is FAILED without a fault",
    },
  ],
  "a valid latest": [
    {
      check: latestIsValid,
      breaks: ({ invalidLatest }) => invalidLatest.push("run-1"),
      reports: "latest pointed at run-1",
    },
  ],
  "a kept cluster": [
    {
      check: keptAsPromised,
      isKept: true,
      breaks: (simulation) => moveEnd(simulation, -3_600_000),
      reports: "before its deadline",
    },
    {
      check: keptAsPromised,
      isKept: true,
      breaks: (simulation) => moveEnd(simulation, 3_600_000),
      reports: "minutes late",
    },
  ],
  "every execution ends": [
    {
      check: everyExecutionEnds,
      breaks: (simulation) => Object.assign(firstRun(simulation), { outcome: { status: "RUNNING" } }),
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
    const simulation = await play(deployed, {
      name: "all is well",
      faults: [],
      ...(isKept && { inputs: [inputToKeepCluster] }),
    });
    expect(check(simulation)).toEqual([]);

    breaks(simulation);

    expect(check(simulation).join("\n")).toContain(reports);
  });
});
