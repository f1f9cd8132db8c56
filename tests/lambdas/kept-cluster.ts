import type { StepSummary } from "@aws-sdk/client-emr";
import type { Plan } from "../../lambdas/contract/plan.ts";
import type { EmrDouble } from "../doubles/emr.ts";
import { anExecution, aPlan } from "./fixtures.ts";

// A cluster that run-1 has created and kept, and run-2, which reuses it.

export const now = new Date("2026-01-01T12:00:00.500Z");
/** The kept cluster's deadline. */
export const until = "2026-01-01T12:30:00Z";
export const creator = anExecution("run-1");
export const execution = { ...anExecution("run-2"), startTime: "2026-01-01T11:50:00Z" };
export const wheelhouse = "a".repeat(64);

const keptTags = {
  "orchard:execution-arn": creator.id,
  "orchard:run-id": "run-1",
  "orchard:wheelhouse-sha256": wheelhouse,
  "orchard:keep-until": until,
};

/** Creates the kept cluster; a tag that is undefined is left out. */
export function createKept(emr: EmrDouble, tags: Record<string, string | undefined> = {}, changes = {}): string {
  const all = Object.entries({ ...keptTags, ...tags }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return emr.create("orchard-run-1", Object.fromEntries(all), { ReleaseLabel: "emr-7.13.0", ...changes });
}

/** A step of a run, by the plan in its arguments. */
export function aStep(Id: string, run: string, State: "PENDING" | "RUNNING" | "COMPLETED" | "FAILED"): StepSummary {
  return {
    Id,
    Name: "Inventory",
    Config: { Args: ["spark-submit", "--plan", `s3://data/runs/${run}/plan.json`] },
    Status: { State },
  };
}

/** The plan of run-2. */
export function reusingPlan(clusterId: string): Plan {
  return aPlan("data", { runId: "run-2", borrowed: { clusterId, until, usdPerHour: 0.524 } });
}
