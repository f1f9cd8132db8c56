import { join, relative } from "node:path";
import { z } from "zod";
import type { Clients } from "../account/aws-clients.ts";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { Reporter } from "../terminal/progress-steps.ts";
import { root } from "../toolchain/places.ts";
import { downloadFailedStepLog, downloadRun } from "./download-run.ts";
import { type ExecutionInput, newRunId } from "./execution-input.ts";
import { clusterUsed, duration, type Report, type ReportParts, reusedRun, stateLine } from "./run-report.ts";
import { readEnding, startExecution, watchExecution } from "./watch-execution.ts";

/** @throws UsageError for a wrong input, CommandFailed for every other end but success */
export function failUnlessSucceeded({ status, error }: Report): void {
  if (status === "SUCCEEDED") return;
  const cause = error?.cause ?? status;
  throw error?.name === "InvalidInput" ? new UsageError(cause) : new CommandFailed(`${error?.name}: ${cause}`);
}

interface Place {
  readonly clients: Clients;
  readonly stateMachineArn: string;
  readonly bucket: string;
  /** The account lives on after the command. */
  readonly outlives: boolean;
  readonly pollMilliseconds: number;
}

/** Starts an execution, watches it to its end and copies what it left to results/<run id>/. */
export async function execute(
  lifetime: Lifetime,
  { clients, stateMachineArn, bucket, outlives, pollMilliseconds }: Place,
  input: ExecutionInput,
  { status, line, title }: Reporter,
): Promise<Omit<ReportParts, "mail" | "seconds">> {
  const execution = await startExecution(lifetime, clients, stateMachineArn, newRunId(new Date()), input, outlives);
  const { runId } = execution;
  line(`${runId} ${JSON.stringify(input)}`);
  const described = await watchExecution(
    lifetime,
    clients,
    bucket,
    execution,
    {
      onLeft: (visit) => line(stateLine(visit)),
      onRunning: (visit, progress) => {
        const elapsed = duration((Date.now() - visit.enteredAt.getTime()) / 1_000);
        if (!progress || progress.total === 0) return status(`${visit.name} ${elapsed}`);
        const { done, total, unit, ratePerSecond, secondsLeft, errors } = progress;
        const parts = [`${done}/${total} ${unit}`, `${ratePerSecond.toFixed(0)} ${unit}/s`];
        if (secondsLeft !== null) parts.push(`${duration(secondsLeft)} left`);
        if (errors > 0) parts.push(`${errors} errors`);
        status(`${visit.name} ${elapsed} · ${parts.join(" · ")}`);
      },
    },
    pollMilliseconds,
  );
  title(`Execution: ${described.status}`);
  const folder = join(root, "results", runId);
  const ending = await readEnding(clients, execution);
  // When nothing was new, the results are the earlier run's.
  const uri = reusedRun(ending.data) ?? `s3://${bucket}/runs/${runId}/`;
  const files = await downloadRun(clients, uri, folder);
  const clusterId = clusterUsed(ending.data) ?? ending.cluster?.id;
  const log =
    clusterId !== undefined && described.status !== "SUCCEEDED"
      ? await downloadFailedStepLog(clients, bucket, clusterId, join(folder, "logs"))
      : undefined;
  return {
    runId,
    executionArn: execution.arn,
    status: described.status ?? "UNKNOWN",
    error:
      described.status === "SUCCEEDED"
        ? null
        : { name: described.error ?? described.status ?? "Unknown", cause: causeOf(described.cause), log: log ?? null },
    ...ending,
    results: { folder: relative(process.cwd(), folder), uri, files },
  };
}

const lambdaErrorSchema = z.object({ errorMessage: z.string() });

/** One line; the cause of a function's error is JSON around its message. */
function causeOf(cause: string | undefined): string {
  const text = cause ?? "no cause was given";
  try {
    return lambdaErrorSchema.parse(JSON.parse(text)).errorMessage;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return text;
    throw error;
  }
}
