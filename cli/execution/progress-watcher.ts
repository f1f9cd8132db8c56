import { readJson } from "../../lambdas/aws/s3.ts";
import type { StateVisit } from "../../lambdas/aws/state-visits.ts";
import { describeLeftOut, describeSplits } from "../../lambdas/contract/image-tree.ts";
import { stateOfStep } from "../../lambdas/contract/job-steps.ts";
import { planSchema } from "../../lambdas/contract/plan.ts";
import { planFile, runKey } from "../../lambdas/contract/s3-layout.ts";
import type { Clients } from "../account/aws-clients.ts";
import { formatDuration } from "../terminal/format-duration.ts";
import type { Reporter } from "../terminal/progress-steps.ts";
import { renderState } from "./render-report.ts";
import type { Execution, JobProgress, Watcher } from "./watch-execution.ts";

const plannedTreeSchema = planSchema.pick({ usedSplits: true, unusedSplits: true, leftOut: true });

/**
 * Shows each completed state as a line, and the current state's progress as the status.
 *
 * @param describeMore more about the running execution, in parts of a line
 */
export function progressWatcher(
  { s3 }: Clients,
  bucket: string,
  { runId }: Execution,
  { status, line }: Pick<Reporter, "status" | "line">,
  describeMore: () => Promise<readonly string[]> = async () => [],
): Watcher {
  return {
    onLeft: async (visit) => {
      const isPlanned = visit.name === "Preflight" && !visit.failed;
      const tree = isPlanned && (await readJson(s3, { bucket, key: runKey(runId, planFile) }, plannedTreeSchema));
      line(renderState(visit));
      if (!tree) return;
      // Show the tree before a cluster is created, so that a person can still stop the execution.
      const splits = describeSplits(tree.usedSplits, tree.unusedSplits);
      if (splits !== undefined) line(`Splits: ${splits}`);
      for (const each of tree.leftOut) line(describeLeftOut(each));
    },
    onRunning: async (visit, progress) => {
      status([describeProgress(visit, progress, new Date()), ...(await describeMore())].join(" · "));
    },
  };
}

/** Describes the current state in a line: `ExtractFeatures 12.0 s · 40/300 images · 25 images/s · 10.4 s left`. */
export function describeProgress(visit: StateVisit, progress: JobProgress | undefined, now: Date): string {
  const parts = [`${visit.name} ${formatDuration((now.getTime() - visit.enteredAt.getTime()) / 1_000)}`];
  const isStep = Object.values(stateOfStep).includes(visit.name);
  if (isStep && isStarting(progress)) parts.push("starting Spark");
  else if (progress && progress.total > 0) {
    const { done, total, unit, ratePerSecond, secondsLeft, errors } = progress;
    parts.push(`${done}/${total} ${unit}`, `${ratePerSecond.toFixed(0)} ${unit}/s`);
    if (secondsLeft !== null) parts.push(`${formatDuration(secondsLeft)} left`);
    if (errors > 0) parts.push(`${errors} errors`);
  }
  return parts.join(" · ");
}

function isStarting(progress: JobProgress | undefined): boolean {
  return !progress || (progress.state === "RUNNING" && progress.done === 0 && progress.ratePerSecond === 0);
}
