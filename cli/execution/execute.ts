import { join, relative } from "node:path";
import type { DescribeExecutionOutput } from "@aws-sdk/client-sfn";
import { runUri } from "../../lambdas/contract/s3-layout.ts";
import type { Clients } from "../account/aws-clients.ts";
import type { DeployedStack } from "../deployment/deployed-stacks.ts";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { Reporter } from "../terminal/progress-steps.ts";
import { fromPerson } from "../toolchain/places.ts";
import { downloadFailedStepLog, downloadRun } from "./download-run.ts";
import type { ExecutionInput } from "./execution-input.ts";
import { followRun } from "./follow-run.ts";
import { errorOf, findReusedRun, findUsedCluster, type Report, type ReportParts } from "./run-report.ts";
import { type Execution, readEnding, startExecution } from "./watch-execution.ts";

/** @throws UsageError for an invalid execution input, CommandFailed for any other failure */
export function failUnlessSucceeded({ status, error }: Report): void {
  if (status === "SUCCEEDED") return;
  const cause = error?.cause ?? status;
  throw error?.name === "InvalidInput" ? new UsageError(cause) : new CommandFailed(`${error?.name}: ${cause}`);
}

/** Starts an execution, follows it until it ends and copies its results to results/<run id>/. */
export async function execute(
  lifetime: Lifetime,
  clients: Clients,
  deployed: Pick<DeployedStack, "bucket" | "stateMachineArn">,
  { execution, input }: Started,
  reporter: Reporter,
): Promise<Omit<ReportParts, "mail" | "seconds">> {
  const run = { ...execution, startedAt: new Date() };
  await startExecution(clients, deployed.stateMachineArn, execution, input);
  reporter.line(`${run.runId} ${JSON.stringify(input)}`);
  return followRun(lifetime, clients, deployed, run, reporter, async (described) => {
    reporter.title(`Execution: ${described.status}`);
    return copyEnded(clients, deployed.bucket, execution, described);
  });
}

export interface Started {
  readonly execution: Execution;
  readonly input: ExecutionInput;
}

async function copyEnded(
  clients: Clients,
  bucket: string,
  execution: Execution,
  described: DescribeExecutionOutput,
): Promise<Omit<ReportParts, "mail" | "seconds">> {
  const { runId } = execution;
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
