import { expect, it } from "vitest";
import { describeProgress } from "../../../cli/execution/progress-watcher.ts";
import type { JobProgress } from "../../../cli/execution/watch-execution.ts";

const enteredAt = new Date("2026-01-02T03:00:00Z");
const now = new Date("2026-01-02T03:00:12Z");

function visit(name: string) {
  return { name, enteredAt, failed: false, retries: 0 };
}

function progress(changes: Partial<JobProgress>): JobProgress {
  const start = { done: 0, total: 300, errors: 0, ratePerSecond: 0, secondsLeft: null };
  return { step: "features", state: "RUNNING", unit: "images", ...start, ...changes };
}

it.each([
  ["a state without progress", "CreateCluster", undefined, "CreateCluster 12.0 s"],
  ["a step before its first report", "Inventory", undefined, "Inventory 12.0 s · starting Spark"],
  ["a step without a total", "Inventory", progress({ total: 0 }), "Inventory 12.0 s · starting Spark"],
  ["a step before its first image", "ExtractFeatures", progress({}), "ExtractFeatures 12.0 s · starting Spark"],
  [
    "a step at work",
    "ExtractFeatures",
    progress({ done: 40, ratePerSecond: 25.2, secondsLeft: 10.4, errors: 2 }),
    "ExtractFeatures 12.0 s · 40/300 images · 25 images/s · 10.4 s left · 2 errors",
  ],
  [
    "a step that found nothing to compute",
    "ExtractFeatures",
    progress({ state: "SUCCEEDED", total: 0 }),
    "ExtractFeatures 12.0 s",
  ],
])("describes %s", (_, state, report, expected) => {
  expect(describeProgress(visit(state), report, now)).toBe(expected);
});
