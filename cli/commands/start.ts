import { Command } from "@commander-js/extra-typings";
import { defaultPort, findAccount } from "../account/embedded-account.ts";
import { sessionSteps } from "../account/local-session.ts";
import { readRunMail } from "../account/mailbox-subscription.ts";
import { yarnOption } from "../account/yarn-option.ts";
import { approveRemoval } from "../dataset/approve-removal.ts";
import type { SyncPlan } from "../dataset/bucket-sync.ts";
import type { Dataset } from "../dataset/image-tree.ts";
import { compareImages, describeDataset, describeUpload, openDataset, uploadImages } from "../dataset/upload-images.ts";
import { imageTreeUri } from "../deployment/deployed-stacks.ts";
import { makeWheelhouse } from "../deployment/make-wheelhouse.ts";
import { execute, failUnlessSucceeded } from "../execution/execute.ts";
import {
  type ExecutionInput,
  layoutOf,
  makeExecutionInput,
  requireLastingAccount,
} from "../execution/execution-input.ts";
import { addInputOptions, parsePort } from "../execution/input-options.ts";
import { fitPrecision } from "../execution/local-precision.ts";
import { renderReport } from "../execution/render-report.ts";
import { makeReport, type Report } from "../execution/run-report.ts";
import { newExecution, stopWithCommand } from "../execution/watch-execution.ts";
import { groups } from "../terminal/command-groups.ts";
import { hasTerminal } from "../terminal/confirm.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps, type Step } from "../terminal/progress-steps.ts";

interface RunOptions {
  readonly executionInput: ExecutionInput;
  readonly dataset: string | undefined;
  /** Whether images may be removed from the bucket without a question. */
  readonly mayDelete: boolean;
  readonly port: number | undefined;
  readonly yarn: boolean;
  readonly keep: boolean;
  readonly json: boolean;
}

export const command = addInputOptions(
  new Command("start")
    .helpGroup(groups.laptop)
    .summary("run the whole workflow here, on an embedded account")
    .description("run the workflow on this machine: account, deployment, images, execution, results")
    .option("--dataset <folder>", "images as <split>/<label>/<image> or <label>/<image> (default: a generated sample)")
    .option("--delete", "remove images from the account that the dataset does not have, however many", false),
)
  .option("--port <port>", `port of the account on 127.0.0.1 (default: ${defaultPort})`, parsePort)
  .addOption(yarnOption)
  .option("--keep", "leave the account running for the next start", false)
  .option("--json", "print one JSON object and nothing else", false)
  .action(async ({ dataset, delete: mayDelete, port, yarn, keep, json, ...options }) => {
    const { input: executionInput, notice } = fitPrecision(makeExecutionInput(options));
    if (notice !== undefined) process.stderr.write(`! ${notice}\n`);
    const run = { executionInput, dataset, mayDelete, port, yarn, keep, json };
    await withLifetime((lifetime) => runWorkflow(lifetime, run));
  });

/** A dataset, and the comparison with the bucket once the account runs. */
interface Images {
  readonly dataset: Dataset;
  plan?: SyncPlan;
}

/** Without --dataset, the generated sample is used, unless the execution input names an image tree. */
async function openImages(
  lifetime: Lifetime,
  { dataset: folder, executionInput }: RunOptions,
): Promise<Images | undefined> {
  if (folder === undefined && "input" in executionInput) return undefined;
  const command = "orchard start --dataset";
  return { dataset: await openDataset(lifetime, { folder, layout: layoutOf(executionInput), command }) };
}

/** Makes the wheels that only the nodes of runs in bf16 install. The deployment publishes them if they exist. */
function bf16WheelsStep(lifetime: Lifetime): Step {
  return {
    title: "Wheels for bf16",
    run: async ({ status }) => {
      status("downloads them unless they are there");
      await makeWheelhouse(lifetime, "x86_64", "bf16");
    },
  };
}

async function runWorkflow(lifetime: Lifetime, options: RunOptions): Promise<void> {
  const { executionInput, dataset: folder, mayDelete, port, yarn, keep, json } = options;
  const since = Date.now();
  requireLastingAccount(executionInput, { keep, isRunning: (await findAccount()) !== undefined });
  const images = await openImages(lifetime, options);
  const session = sessionSteps(lifetime, { port, yarn });
  const compare = async ({ title, status }: Reporter): Promise<void> => {
    if (!images) return;
    images.plan = await compareImages(session.get(), images.dataset, { status });
    title(`Comparison: ${images.plan.upload.length} of ${images.dataset.files.length} images are new or changed`);
  };
  const before = [
    ...(executionInput["precision"] === "bf16" ? [bf16WheelsStep(lifetime)] : []),
    ...session.steps,
    ...(images ? [{ title: "Comparison", run: compare }] : []),
  ];
  await runSteps(lifetime, before, json);
  if (images?.plan) {
    await approveRemoval(lifetime, images.plan, {
      uri: imageTreeUri(session.get().deployment),
      dataset: folder ?? "the generated sample",
      approved: mayDelete,
      interactive: hasTerminal() && !json,
    });
  }
  let report: Report | undefined;
  const steps = [
    {
      title: "Images",
      run: async (reporter: Reporter) => {
        if (!images?.plan) return;
        const upload = { ...images, plan: images.plan, remove: true };
        for (const text of describeDataset(images.dataset)) reporter.line(text);
        await uploadImages(lifetime, session.get(), upload, reporter);
        reporter.title(describeUpload(session.get(), upload));
      },
    },
    {
      title: "Execution",
      run: async (reporter: Reporter) => {
        const { account, clients, deployment } = session.get();
        const execution = newExecution(deployment.stateMachineArn);
        stopWithCommand(lifetime, clients, execution, account.reused);
        reporter.line(`Console: ${account.console}`);
        const started = { execution, input: executionInput };
        const { runId, ...parts } = await execute(lifetime, clients, deployment, started, reporter);
        const mail = await readRunMail(account.env, runId);
        report = makeReport({ ...parts, runId, mail, seconds: 0, leftOut: images?.dataset.leftOut });
      },
    },
  ];
  await runSteps(lifetime, steps.slice(images ? 0 : 1), json);
  const { account } = session.get();
  if (keep) account.keep();
  await lifetime.close();
  if (!report) throw new Error("The execution step did not produce a report");
  const total = { ...report, seconds: (Date.now() - since) / 1_000 };
  process.stdout.write(json ? `${JSON.stringify(total, null, 2)}\n` : `\n${renderReport(total)}\n`);
  if ((keep || account.reused) && !json) {
    process.stdout.write(
      `\nThe account goes on at ${account.endpoint}. End it: orchard local down\nConsole: ${account.console}\n`,
    );
  }
  failUnlessSucceeded(total);
}
