import { Command } from "@commander-js/extra-typings";
import { defaultPort, findAccount } from "../account/embedded-account.ts";
import { sessionSteps } from "../account/local-session.ts";
import { readRunMail } from "../account/mailbox-subscription.ts";
import { openDataset, uploadImages } from "../dataset/upload-images.ts";
import { execute, failUnlessSucceeded } from "../execution/execute.ts";
import { type ExecutionInput, makeExecutionInput, requireLastingAccount } from "../execution/execution-input.ts";
import { addInputOptions, parsePort } from "../execution/input-options.ts";
import { renderReport } from "../execution/render-report.ts";
import { makeReport, type Report } from "../execution/run-report.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../terminal/progress-steps.ts";

interface RunOptions {
  readonly executionInput: ExecutionInput;
  readonly dataset: string | undefined;
  readonly port: number | undefined;
  readonly keep: boolean;
  readonly json: boolean;
}

export const command = addInputOptions(
  new Command("start")
    .description("run the workflow on this machine: account, deployment, images, execution, results")
    .option("--dataset <folder>", "images as <split>/<label>/<image> (default: a generated sample)"),
)
  .option("--port <port>", `port of the account on 127.0.0.1 (default: ${defaultPort})`, parsePort)
  .option("--keep", "leave the account running for the next start", false)
  .option("--json", "print one JSON object and nothing else", false)
  .action(async ({ dataset, port, keep, json, ...options }) => {
    const run = { executionInput: makeExecutionInput(options), dataset, port, keep, json };
    await withLifetime((lifetime) => runWorkflow(lifetime, run));
  });

async function runWorkflow(
  lifetime: Lifetime,
  { executionInput, dataset: folder, port, keep, json }: RunOptions,
): Promise<void> {
  const since = Date.now();
  requireLastingAccount(executionInput, { keep, isRunning: (await findAccount()) !== undefined });
  // The generated sample is not needed when the execution input names an image tree.
  const dataset = folder === undefined && "input" in executionInput ? undefined : await openDataset(lifetime, folder);
  const session = sessionSteps(lifetime, port);
  let report: Report | undefined;
  const steps = [
    ...session.steps,
    ...(dataset
      ? [{ title: "Images", run: (reporter: Reporter) => uploadImages(lifetime, session.get(), dataset, reporter) }]
      : []),
    {
      title: "Execution",
      run: async (reporter: Reporter) => {
        const { account, clients, deployment } = session.get();
        const deployed = { clients, ...deployment, outlives: account.reused, pollMilliseconds: 300 };
        const { runId, ...parts } = await execute(lifetime, deployed, executionInput, reporter);
        const mail = await readRunMail(account.env, runId);
        report = makeReport({ ...parts, runId, mail, seconds: 0 });
      },
    },
  ];
  await runSteps(lifetime, steps, json);
  const { account } = session.get();
  if (keep) account.keep();
  await lifetime.close();
  if (!report) throw new Error("The execution step did not produce a report");
  const total = { ...report, seconds: (Date.now() - since) / 1_000 };
  process.stdout.write(json ? `${JSON.stringify(total, null, 2)}\n` : `\n${renderReport(total)}\n`);
  if ((keep || account.reused) && !json) {
    process.stdout.write(`\nThe account goes on at ${account.endpoint}. Stop it with: npm run local -- stop\n`);
  }
  failUnlessSucceeded(total);
}
