import { describe, expect, it } from "vitest";
import { deploy } from "./account/deployed.ts";
import type { Simulation } from "./account/simulation.ts";
import { invariants } from "./invariants/all-invariants.ts";
import { everyClusterEnds } from "./invariants/clusters-end.ts";
import { everyExecutionEnds } from "./invariants/executions-end.ts";
import { oneTrueMail } from "./invariants/final-mails.ts";
import { endsWithFirstFailure } from "./invariants/first-failure.ts";
import { keptClusterLivesUntilDeadline } from "./invariants/kept-clusters.ts";
import { modifiesOnlyOwnClusters } from "./invariants/own-clusters.ts";
import { stepsKeepTheirLimits } from "./invariants/step-limits.ts";
import { succeedsWithValidResults } from "./invariants/true-success.ts";
import { latestIsValid } from "./invariants/valid-latest.ts";
import { inputToKeepCluster } from "./scenarios/kept-cluster.ts";
import { play } from "./scenarios/play.ts";

const deployed = deploy();

interface Case {
  readonly check: (simulation: Simulation) => string[];
  /** Changes the records of a scenario without faults so that they violate the invariant. */
  readonly change: (simulation: Simulation) => unknown;
  /** Part of the violation that the check reports. */
  readonly reports: string;
  /** Whether the execution keeps its cluster. @default false */
  readonly isKept?: boolean;
}

function first<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined) throw new Error("The simulation has no such record.");
  return item;
}

function firstRun(simulation: Simulation) {
  return first(first(simulation.executions).runs);
}

/** Moves the end of the first cluster. */
function moveEnd(simulation: Simulation, byMs: number): void {
  const cluster = first(simulation.createdClusters);
  cluster.endingSince = (cluster.endingSince ?? 0) + byMs;
}

const cases: Readonly<Record<string, readonly Case[]>> = {
  "every cluster ends": [
    {
      check: everyClusterEnds,
      change: ({ createdClusters }) => Object.assign(first(createdClusters).Status, { State: "WAITING" }),
      reports: "is WAITING",
    },
    {
      check: everyClusterEnds,
      change: (simulation) => {
        Object.assign(firstRun(simulation), { endedAt: 0 });
        for (const call of simulation.clusterCalls) Object.assign(call, { by: { execution: "", state: "layer 3" } });
      },
      reports: "was ended by layer 3, not by its execution",
    },
    {
      check: everyClusterEnds,
      change: ({ createdClusters }) => Object.assign(first(createdClusters), { Tags: [] }),
      reports: "has no tag of an execution",
    },
  ],
  "only own clusters": [
    {
      check: modifiesOnlyOwnClusters,
      change: ({ clusterCalls }) =>
        Object.assign(first(clusterCalls), { by: { execution: "run-2", state: "TerminateCluster" } }),
      reports: "TerminateCluster called TerminateJobFlows",
    },
    {
      check: modifiesOnlyOwnClusters,
      change: ({ clusterCalls }) => Object.assign(first(clusterCalls), { by: { execution: "", state: "layer 3" } }),
      reports: "the caller had read nothing",
    },
  ],
  "one true final mail": [
    { check: oneTrueMail, change: ({ mails }) => mails.splice(0), reports: "ended with 0 mails" },
    {
      check: oneTrueMail,
      change: ({ mails }) => mails.push(...mails),
      reports: "ended with 2 mails",
    },
    {
      check: oneTrueMail,
      change: ({ mails, createdClusters }) => Object.assign(first(mails), { alive: createdClusters }),
      reports: "does not say that a cluster of run-1 may be running",
    },
  ],
  "the first failure": [
    {
      check: endsWithFirstFailure,
      change: (simulation) =>
        Object.assign(firstRun(simulation), { outcome: { status: "FAILED", error: "TypeError" } }),
      reports: "is FAILED without cause",
    },
  ],
  "a true success": [
    {
      check: succeedsWithValidResults,
      change: ({ s3 }) => s3.objects.delete("runs/run-1/manifest.json"),
      reports: "run-1 is not valid",
    },
    {
      check: succeedsWithValidResults,
      change: ({ s3 }) => s3.objects.delete("runs/run-1/report/report.html"),
      reports: "run-1 has no report",
    },
    {
      check: succeedsWithValidResults,
      change: (simulation) => Object.assign(firstRun(simulation), { endedAt: 0 }),
      reports: "run-1 succeeded before",
    },
    {
      check: succeedsWithValidResults,
      change: (simulation) => Object.assign(firstRun(simulation), { outcome: { status: "FAILED" } }),
      reports: "is FAILED without a fault",
    },
  ],
  "a valid latest": [
    {
      check: latestIsValid,
      change: ({ invalidLatest }) => invalidLatest.push("run-1"),
      reports: "latest pointed at run-1",
    },
  ],
  "a kept cluster": [
    {
      check: keptClusterLivesUntilDeadline,
      isKept: true,
      change: (simulation) => moveEnd(simulation, -3_600_000),
      reports: "before its deadline",
    },
    {
      check: keptClusterLivesUntilDeadline,
      isKept: true,
      change: (simulation) => moveEnd(simulation, 3_600_000),
      reports: "minutes late",
    },
  ],
  "the limits of steps": [
    {
      check: stepsKeepTheirLimits,
      change: ({ executions }) => {
        const { history } = first(executions);
        const end = history.findIndex(({ type, state }) => type === "TaskSucceeded" && state === "ExtractFeatures");
        for (const event of history.slice(0, end)) Object.assign(event, { at: event.at - 3_600_000 });
      },
      reports: "ExtractFeatures of run-1 took",
    },
  ],
  "every execution ends": [
    {
      check: everyExecutionEnds,
      change: (simulation) => Object.assign(firstRun(simulation), { outcome: { status: "RUNNING" } }),
      reports: "run-1 still runs",
    },
  ],
};

it("has a case for each invariant", () => {
  const checked = new Set(Object.values(cases).flatMap((some) => some.map(({ check }) => check)));

  expect(checked).toEqual(new Set(Object.values(invariants)));
});

describe.each(Object.entries(cases))("%s", (_name, some) => {
  it.each(some)("reports: $reports", async ({ check, change, reports, isKept = false }) => {
    const simulation = await play(deployed, {
      name: "no fault",
      faults: [],
      ...(isKept && { inputs: [inputToKeepCluster] }),
    });
    expect(check(simulation)).toEqual([]);

    change(simulation);

    expect(check(simulation).join("\n")).toContain(reports);
  });
});
