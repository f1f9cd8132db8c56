import { join, relative } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { z } from "zod";
import { CommandFailed, UsageError } from "../errors.ts";
import { readEnding, startExecution, watchExecution } from "../execution.ts";
import {
  type ExecutionInput,
  executionInput,
  modes,
  newRunId,
  parseComponents,
  parseLimit,
  parsePort,
  parseVariance,
} from "../input.ts";
import { type Lifetime, withLifetime } from "../lifetime.ts";
import { readMailOf } from "../mail.ts";
import { root } from "../places.ts";
import { duration, makeReport, type Report, renderReport, reusedRun, stateLine } from "../report.ts";
import { downloadFailedStepLog, downloadRun } from "../results.ts";
import { openDataset, type Session, sessionSteps, uploadImages } from "../session.ts";
import { type Reporter, runSteps } from "../tasks.ts";

interface RunOptions {
  readonly input: ExecutionInput;
  readonly dataset: string | undefined;
  readonly port: number | undefined;
  readonly keep: boolean;
  readonly json: boolean;
}

export const start = new Command("start")
  .description("run the workflow on this machine: account, deployment, images, execution, results")
  .option("--dataset <folder>", "images as <split>/<label>/<image> (default: a generated sample)")
  .addOption(new Option("--mode <mode>", "what to do with which images (default: mini)").choices(modes))
  .option("--label <label>", "the label of --mode single-class")
  .option("--limit <images>", "use at most this many images", parseLimit)
  .option("--components <k>", "principal components to keep (default: 50)", parseComponents)
  .option("--variance <share>", "keep the fewest components that reach this share, 0 to 1", parseVariance)
  .option("--force", "compute again what earlier runs have computed")
  .option("--input <file>", "the execution's whole input, as a JSON file")
  .option("--port <port>", "port of the account on 127.0.0.1 (default: 4566)", parsePort)
  .option("--keep", "leave the account running for the next start", false)
  .option("--json", "print one JSON object and nothing else", false)
  .action(async ({ dataset, port, keep, json, ...options }) => {
    const run = { input: executionInput(options), dataset, port, keep, json };
    await withLifetime((lifetime) => runWorkflow(lifetime, run));
  });

const runWorkflow = async (
  lifetime: Lifetime,
  { input, dataset: folder, port, keep, json }: RunOptions,
): Promise<void> => {
  const since = Date.now();
  // An input that names its own images needs none of ours.
  const dataset = folder === undefined && "input" in input ? undefined : await openDataset(lifetime, folder);
  const session = sessionSteps(lifetime, port);
  let report: Report | undefined;
  const steps = [
    ...session.steps,
    ...(dataset
      ? [{ title: "Images", run: (say: Reporter) => uploadImages(lifetime, session.get(), dataset, say) }]
      : []),
    {
      title: "Execution",
      run: async (say: Reporter) => {
        report = await execute(lifetime, session.get(), input, say, since);
      },
    },
  ];
  await runSteps(lifetime, steps, json);
  const { account } = session.get();
  if (keep) account.keep();
  await lifetime.close();
  if (!report) throw new Error("The execution gave no report");
  const total = { ...report, seconds: (Date.now() - since) / 1_000 };
  process.stdout.write(json ? `${JSON.stringify(total, null, 2)}\n` : `\n${renderReport(total)}\n`);
  if ((keep || account.reused) && !json) {
    process.stdout.write(`\nThe account goes on at ${account.endpoint}. Stop it with: npm run local -- stop\n`);
  }
  failUnlessSucceeded(total);
};

const failUnlessSucceeded = ({ status, error }: Report): void => {
  if (status === "SUCCEEDED") return;
  const cause = error?.cause ?? status;
  throw error?.name === "InvalidInput" ? new UsageError(cause) : new CommandFailed(`${error?.name}: ${cause}`);
};

const execute = async (
  lifetime: Lifetime,
  session: Session,
  input: ExecutionInput,
  { status, line, title }: Reporter,
  since: number,
): Promise<Report> => {
  const { account, clients, deployment } = session;
  const { bucket } = deployment;
  const execution = await startExecution(
    lifetime,
    clients,
    deployment.stateMachineArn,
    newRunId(new Date()),
    input,
    account.reused,
  );
  const { runId } = execution;
  line(`${runId} ${JSON.stringify(input)}`);
  const described = await watchExecution(lifetime, clients, bucket, execution, {
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
  });
  title(`Execution: ${described.status}`);
  const folder = join(root, "results", runId);
  const ending = await readEnding(clients, execution);
  // When nothing was new, the results are the earlier run's.
  const uri = reusedRun(ending.data) ?? `s3://${bucket}/runs/${runId}/`;
  const files = await downloadRun(clients, uri, folder);
  const log = ending.cluster
    ? await downloadFailedStepLog(clients, bucket, ending.cluster.id, join(folder, "logs"))
    : undefined;
  return makeReport({
    runId,
    executionArn: execution.arn,
    status: described.status ?? "UNKNOWN",
    error:
      described.status === "SUCCEEDED"
        ? null
        : { name: described.error ?? described.status ?? "Unknown", cause: causeOf(described.cause), log: log ?? null },
    ...ending,
    results: { folder: relative(process.cwd(), folder), uri, files },
    mail: await readMailOf(account.endpoint, runId),
    seconds: (Date.now() - since) / 1_000,
  });
};

const lambdaErrorSchema = z.object({ errorMessage: z.string() });

/** One line; the cause of a function's error is JSON around its message. */
const causeOf = (cause: string | undefined): string => {
  const text = cause ?? "no cause was given";
  try {
    return lambdaErrorSchema.parse(JSON.parse(text)).errorMessage;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return text;
    throw error;
  }
};
