import { join, relative } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import prettyBytes from "pretty-bytes";
import { parseS3Uri } from "../../lambdas/aws/s3.ts";
import { formats } from "../../lambdas/contract/choices.ts";
import type { Clients } from "../account/aws-clients.ts";
import { addTargetOptions, openChosenTarget } from "../account/target-options.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { checkResults, type Format, readManifest } from "../execution/check-results.ts";
import { type Copied, copyObjects } from "../execution/copy-objects.ts";
import { findRun, runArgument } from "../execution/find-run.ts";
import { readPreview, renderPreview } from "../execution/preview-results.ts";
import { readRun } from "../execution/read-run.ts";
import type { Report } from "../execution/run-report.ts";
import { CommandFailed, NotFound } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { runSteps } from "../terminal/progress-steps.ts";
import { describeTransfer, type TransferProgress } from "../terminal/transfer.ts";
import { resolveFromUser } from "../toolchain/local-spark.ts";

export const command = addTargetOptions(
  new Command("results")
    .helpGroup(groups.look)
    .summary("download the results of a run, and show their beginning")
    .description(
      "copy the results of a run, check them against its manifest, and show the beginning of the PCA; a copy that was interrupted goes on",
    )
    .argument("[run]", runArgument, "latest")
    .option("--output <folder>", "where to copy them (default: results/<run id>)")
    .addOption(
      new Option("--format <format>", "copy features and PCA in this format only (default: both)").choices(formats),
    )
    .option("--json", "print one JSON object and nothing else", false)
    .addHelpText("after", "\nExample:\n  orchard results latest --format parquet"),
).action((text, { output, format, json, ...chosen }) =>
  withLifetime(async (lifetime) => {
    const target = await openChosenTarget(chosen);
    const deployed = await requireDeployment(target);
    const { report } = await readRun(
      target.clients,
      deployed,
      await findRun(target.clients.sfn, deployed.stateMachineArn, text),
      false,
    );
    const folder = resolveFromUser(output ?? join("results", report.runId));
    const wanted = format === undefined ? formats : [format];
    const copied = await copyResults(lifetime, target.clients, report, { folder, wanted, quiet: json });
    const manifest = readManifest(folder);
    if (!manifest) throw withoutManifest(report, folder, copied);
    await checkResults(folder, manifest, wanted);
    const preview = await readPreview(folder);
    const { runId, results, images, components } = report;
    if (json) {
      const { uri } = results;
      process.stdout.write(`${JSON.stringify({ runId, uri, folder, ...copied, images, components, ...preview })}\n`);
      return;
    }
    const before = copied.unchanged > 0 ? `, ${copied.unchanged} of them from an earlier copy` : "";
    const summary = `${copied.files} files (${prettyBytes(copied.bytes)}) in ${relative(process.cwd(), folder) || "."}${before}`;
    const shown = renderPreview(preview, manifest.plan.input);
    process.stdout.write(`${summary}\n${shown === "" ? "" : `\n${shown}\n`}`);
  }),
);

interface Wish {
  readonly folder: string;
  readonly wanted: readonly Format[];
  readonly quiet: boolean;
}

async function copyResults(
  lifetime: Lifetime,
  { s3 }: Clients,
  { runId, results: { uri } }: Report,
  { folder, wanted, quiet }: Wish,
): Promise<Copied> {
  const unwanted = formats.filter((format) => !wanted.includes(format));
  const isWanted = (key: string): boolean =>
    !unwanted.some((format) => key.startsWith(`features/${format}/`) || key.startsWith(`pca/${format}/`));
  let copied: Copied = { files: 0, bytes: 0, unchanged: 0 };
  const since = Date.now();
  const copy = {
    title: `Results of ${runId}`,
    run: async ({ status }: { readonly status: (line: string) => void }) => {
      const onProgress = (progress: TransferProgress): void =>
        status(describeTransfer(progress, (Date.now() - since) / 1_000));
      copied = await copyObjects(s3, parseS3Uri(uri), folder, { isWanted, signal: lifetime.signal, onProgress });
    },
  };
  await runSteps(lifetime, [copy], quiet);
  if (copied.files === 0) throw new NotFound(`The run ${runId} has left nothing at ${uri}`);
  return copied;
}

/** The last file of a run is its manifest, so the run has failed or is not over. */
function withoutManifest({ runId, status, error }: Report, folder: string, { files }: Copied): CommandFailed {
  const why = error ? `${error.name}: ${error.cause}` : `Follow it: orchard watch ${runId}`;
  return new CommandFailed(
    `The run ${runId} is ${status} and has no valid results. Its ${files} files so far are in ${folder}. ${why}`,
  );
}
