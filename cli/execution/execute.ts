import { join, relative } from "node:path";
import { runUri } from "../../lambdas/contract/s3-layout.ts";
import type { Clients } from "../account/aws-clients.ts";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { Reporter } from "../terminal/progress-steps.ts";
import { fromPerson } from "../toolchain/places.ts";
import { downloadFailedStepLog, downloadRun } from "./download-run.ts";
import { type ExecutionInput, newRunId } from "./execution-input.ts";
import { progressWatcher } from "./progress-watcher.ts";
import { errorOf, findReusedRun, findUsedCluster, type Report, type ReportParts } from "./run-report.ts";
import { readEnding, startExecution, watchExecution } from "./watch-execution.ts";

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
    progressWatcher(clients, bucket, execution, { status, line }),
    pollMilliseconds,
  );
  title(`Execution: ${described.status}`);
  const folder = fromPerson(join("results", runId));
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
