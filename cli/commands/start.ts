import { Command, Option } from "@commander-js/extra-typings";
import { findAccount } from "../account/embedded-account.ts";
import { openDataset, sessionSteps, uploadImages } from "../account/local-session.ts";
import { readMailOf } from "../account/mailbox-subscription.ts";
import { execute, failUnlessSucceeded } from "../execution/execute.ts";
import {
  type ExecutionInput,
  executionInput,
  modes,
  parseComponents,
  parseKeepMinutes,
  parseLimit,
  parsePort,
  parseVariance,
  requireLastingAccount,
} from "../execution/execution-input.ts";
import { makeReport, type Report, renderReport } from "../execution/run-report.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../terminal/progress-steps.ts";

interface RunOptions {
  readonly input: ExecutionInput;
  readonly dataset: string | undefined;
  readonly port: number | undefined;
  readonly keep: boolean;
  readonly json: boolean;
}

export const command = new Command("start")
  .description("run the workflow on this machine: account, deployment, images, execution, results")
  .option("--dataset <folder>", "images as <split>/<label>/<image> (default: a generated sample)")
  .addOption(new Option("--mode <mode>", "what to do with which images (default: mini)").choices(modes))
  .option("--label <label>", "the label of --mode single-class")
  .option("--limit <images>", "use at most this many images", parseLimit)
  .option("--components <k>", "principal components to keep (default: 50)", parseComponents)
  .option("--variance <share>", "keep the fewest components that reach this share, 0 to 1", parseVariance)
  .option("--force", "compute again what earlier runs have computed")
  .option("--keep-minutes <minutes>", "leave the cluster after a success for so long; with --keep", parseKeepMinutes)
  .option("--cluster-id <id>", "run on a cluster that --keep-minutes left")
  .option("--input <file>", "the execution's whole input, as a JSON file")
  .option("--port <port>", "port of the account on 127.0.0.1 (default: 4566)", parsePort)
  .option("--keep", "leave the account running for the next start", false)
  .option("--json", "print one JSON object and nothing else", false)
  .action(async ({ dataset, port, keep, json, ...options }) => {
    const run = { input: executionInput(options), dataset, port, keep, json };
    await withLifetime((lifetime) => runWorkflow(lifetime, run));
  });

async function runWorkflow(
  lifetime: Lifetime,
  { input, dataset: folder, port, keep, json }: RunOptions,
): Promise<void> {
  const since = Date.now();
  requireLastingAccount(input, { keep, isRunning: (await findAccount()) !== undefined });
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
        const { account, clients, deployment } = session.get();
        const place = { clients, ...deployment, outlives: account.reused, pollMilliseconds: 300 };
        const { runId, ...parts } = await execute(lifetime, place, input, say);
        const mail = await readMailOf(account.endpoint, runId);
        report = makeReport({ ...parts, runId, mail, seconds: 0 });
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
}
