import { join, relative } from "node:path";
import { readJson } from "../../lambdas/aws/s3.ts";
import { describeLeftOut, describeSplits } from "../../lambdas/contract/image-tree.ts";
import { planSchema } from "../../lambdas/contract/plan.ts";
import { planFile, runKey, runUri } from "../../lambdas/contract/s3-layout.ts";
import type { Clients } from "../account/aws-clients.ts";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import { formatDuration } from "../terminal/format-duration.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { Reporter } from "../terminal/progress-steps.ts";
import { root } from "../toolchain/places.ts";
import { downloadFailedStepLog, downloadRun } from "./download-run.ts";
import { type ExecutionInput, newRunId } from "./execution-input.ts";
import { renderState } from "./render-report.ts";
import { errorOf, findReusedRun, findUsedCluster, type Report, type ReportParts } from "./run-report.ts";
import { readEnding, startExecution, type Watcher, watchExecution } from "./watch-execution.ts";

/** @throws UsageError for an invalid execution input, CommandFailed for any other failure */
export function failUnlessSucceeded({ status, error }: Report): void {
  if (status === "SUCCEEDED") return;
  const cause = error?.cause ?? status;
  throw error?.name === "InvalidInput" ? new UsageError(cause) : new CommandFailed(`${error?.name}: ${cause}`);
}

interface DeployedMachine {
  readonly clients: Clients;
  readonly stateMachineArn: string;
  readonly bucket: string;
  /** Whether the account, with its clusters, outlives the command. */
  readonly outlives: boolean;
  readonly pollMilliseconds: number;
}

/** Starts an execution, watches it until it ends and copies its results to results/<run id>/. */
export async function execute(
  lifetime: Lifetime,
  { clients, stateMachineArn, bucket, outlives, pollMilliseconds }: DeployedMachine,
  executionInput: ExecutionInput,
  { status, line, title }: Reporter,
): Promise<Omit<ReportParts, "mail" | "seconds">> {
  const execution = await startExecution(
    lifetime,
    clients,
    stateMachineArn,
    newRunId(new Date()),
    executionInput,
    outlives,
  );
  const { runId } = execution;
  line(`${runId} ${JSON.stringify(executionInput)}`);
  const described = await watchExecution(
    lifetime,
    clients,
    bucket,
    execution,
    progressWatcher({ status, line }, () => readPlan(clients, bucket, runId)),
    pollMilliseconds,
  );
  title(`Execution: ${described.status}`);
  const folder = join(root, "results", runId);
  const ending = await readEnding(clients, execution);
  // When nothing had to be computed, the results are those of an earlier run.
  const uri = findReusedRun(ending.data) ?? runUri(bucket, runId);
  const files = await downloadRun(clients, uri, folder);
  const clusterId = findUsedCluster(ending.data) ?? ending.cluster?.id;
  const log =
    clusterId !== undefined && described.status !== "SUCCEEDED"
      ? await downloadFailedStepLog(clients, bucket, clusterId, join(folder, "logs"))
      : undefined;
  return {
    runId,
    executionArn: execution.arn,
    status: described.status ?? "UNKNOWN",
    error: errorOf(described, log ?? null),
    ...ending,
    results: { folder: relative(process.cwd(), folder), uri, files },
  };
}

const plannedTreeSchema = planSchema.pick({ usedSplits: true, unusedSplits: true, leftOut: true });
type PlannedTree = ReturnType<typeof plannedTreeSchema.parse>;

function readPlan({ s3 }: Clients, bucket: string, runId: string): Promise<PlannedTree> {
  return readJson(s3, { bucket, key: runKey(runId, planFile) }, plannedTreeSchema);
}

/** Shows each completed state as a line, and the current state's progress as the status. */
function progressWatcher(
  { status, line }: Pick<Reporter, "status" | "line">,
  readTree: () => Promise<PlannedTree>,
): Watcher {
  return {
    onLeft: async (visit) => {
      line(renderState(visit));
      if (visit.name !== "Preflight" || visit.failed) return;
      // Before a cluster is created, so that a person can still stop the execution.
      const { usedSplits, unusedSplits, leftOut } = await readTree();
      const splits = describeSplits(usedSplits, unusedSplits);
      if (splits !== undefined) line(`Splits: ${splits}`);
      for (const each of leftOut) line(describeLeftOut(each));
    },
    onRunning: (visit, progress) => {
      const elapsed = formatDuration((Date.now() - visit.enteredAt.getTime()) / 1_000);
      if (!progress || progress.total === 0) return status(`${visit.name} ${elapsed}`);
      const { done, total, unit, ratePerSecond, secondsLeft, errors } = progress;
      const parts = [`${done}/${total} ${unit}`, `${ratePerSecond.toFixed(0)} ${unit}/s`];
      if (secondsLeft !== null) parts.push(`${formatDuration(secondsLeft)} left`);
      if (errors > 0) parts.push(`${errors} errors`);
      status(`${visit.name} ${elapsed} · ${parts.join(" · ")}`);
    },
  };
}
