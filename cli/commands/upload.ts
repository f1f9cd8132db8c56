import { S3ServiceException } from "@aws-sdk/client-s3";
import { Command } from "@commander-js/extra-typings";
import prettyBytes from "pretty-bytes";
import type { Layout } from "../../lambdas/contract/image-tree.ts";
import { quoteArgument } from "../../shared/shell-quotes.ts";
import { addTargetOptions, openChosenTarget, type TargetOptions, targetArguments } from "../account/target-options.ts";
import { type Dataset, readDataset } from "../dataset/image-tree.ts";
import {
  compareImages,
  describeDataset,
  describeUpload,
  type Upload,
  type UploadTarget,
  uploadImages,
} from "../dataset/upload-images.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { layoutOption } from "../execution/input-options.ts";
import { isConnectionLost } from "../execution/lost-connection.ts";
import { CommandFailed } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { isTerminal } from "../terminal/confirm.ts";
import { Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../terminal/progress-steps.ts";
import { bytesOf, type TransferProgress } from "../terminal/transfer.ts";
import { fromPerson } from "../toolchain/places.ts";

export const command = addTargetOptions(
  new Command("upload")
    .helpGroup(groups.setUp)
    .summary("copy new and changed images to the bucket")
    .description(
      "copy new and changed images of a folder to the deployed stack's bucket; after an interruption, the same command goes on",
    )
    .argument("<folder>", "images as <split>/<label>/<image> or <label>/<image>")
    .option("--delete", "remove images from the bucket that the folder does not have", false)
    .option("--dry-run", "say what would be uploaded and removed, and do nothing", false)
    .addOption(layoutOption)
    .option("--json", "print one JSON object and nothing else", false)
    .addHelpText("after", "\nExample:\n  orchard upload photos --dry-run"),
).action((folder, options) =>
  withLifetime((lifetime) => upload(lifetime, fromPerson(folder), options), new Lifetime({ notice: null })),
);

interface UploadOptions extends TargetOptions {
  readonly delete: boolean;
  readonly dryRun: boolean;
  readonly layout?: Layout | undefined;
  readonly json: boolean;
}

async function upload(lifetime: Lifetime, folder: string, options: UploadOptions): Promise<void> {
  const { delete: remove, dryRun, layout, json, ...chosen } = options;
  const quiet = json || !isTerminal(process.stderr);
  let dataset: Dataset | undefined;
  let planned: Planned | undefined;
  const read = async ({ line, title }: Reporter): Promise<void> => {
    const command = ["orchard upload", ...targetArguments(chosen)].join(" ");
    dataset = await readDataset(folder, { layout, command });
    const say = quiet ? (text: string) => process.stderr.write(`${text}\n`) : line;
    if (!json) for (const text of describeDataset(dataset)) say(text);
    title(`Images: ${dataset.files.length}`);
  };
  const compare = async ({ status, title }: Reporter): Promise<void> => {
    if (!dataset) throw new Error("The comparison ran before the folder was read");
    const target = await openChosenTarget(chosen);
    const to = { clients: target.clients, deployment: await requireDeployment(target) };
    planned = { to, upload: { dataset, plan: await compareImages(to, dataset, { status }), remove } };
    title(`Comparison: ${planned.upload.plan.upload.length} are new or changed`);
  };
  const transfer = async (reporter: Reporter): Promise<void> => {
    if (!planned) throw new Error("The upload ran before the comparison");
    await transferImages(lifetime, planned, reporter);
  };
  const steps = [
    { title: `Reading ${folder}`, run: read },
    { title: "Comparison", run: compare },
    ...(dryRun ? [] : [{ title: "Upload", run: transfer }]),
  ];
  await runSteps(lifetime, steps, quiet);
  if (!planned) throw new Error("The comparison did not produce a plan");
  process.stdout.write(`${json ? JSON.stringify(summarize(planned, dryRun)) : render(planned, dryRun)}\n`);
}

interface Planned {
  readonly to: UploadTarget;
  readonly upload: Upload;
}

/** Uploads, and says after an interruption or a failure how to go on. @throws CommandFailed when S3 does not answer */
async function transferImages(lifetime: Lifetime, { to, upload: wish }: Planned, reporter: Reporter): Promise<void> {
  let done = 0;
  const onProgress = ({ files }: TransferProgress): void => {
    done = files;
  };
  const again = `To go on: orchard ${process.argv.slice(2).map(quoteArgument).join(" ")}`;
  const soFar = (): string => `${done} of ${wish.plan.upload.length} images were uploaded, each of them whole`;
  const work = uploadImages(lifetime, to, wish, reporter, onProgress);
  lifetime.defer(async () => {
    if (!lifetime.interrupted) return;
    await Promise.allSettled([work]);
    process.stderr.write(`\nInterrupted: ${soFar()}. ${again}\n`);
  });
  try {
    await work;
    reporter.title(`Upload: ${done} images`);
  } catch (error) {
    if (!(error instanceof S3ServiceException) && !isConnectionLost(error)) throw error;
    throw new CommandFailed(`${error.name}: ${error.message.trim()}\n${soFar()}. ${again}`);
  }
}

/** The names are those of --json. With a dry run, the counts say what would be done. */
function summarize({ to, upload: { dataset, plan, remove } }: Planned, dryRun: boolean) {
  const { bucket, inputPrefix } = to.deployment;
  return {
    dryRun,
    folder: dataset.folder,
    uri: `s3://${bucket}/${inputPrefix}`,
    layout: dataset.layout,
    images: dataset.files.length,
    bytes: bytesOf(dataset.files),
    uploaded: plan.upload.length,
    uploadedBytes: bytesOf(plan.upload),
    unchanged: plan.unchanged,
    removed: remove ? plan.remove.length : 0,
    others: remove ? 0 : plan.remove.length,
    leftOut: dataset.leftOut,
  };
}

function render({ to, upload: wish }: Planned, dryRun: boolean): string {
  if (!dryRun) return describeUpload(to, wish);
  const { uri, images, uploaded, uploadedBytes, unchanged, removed, others } = summarize({ to, upload: wish }, dryRun);
  const bytes = prettyBytes(uploadedBytes);
  const rest = [
    `${unchanged} are there already`,
    ...(removed > 0 ? [`${removed} would be removed`] : []),
    ...(others > 0 ? [`${others} others would stay (--delete removes them)`] : []),
  ];
  return `Nothing was done. ${uploaded} of ${images} images (${bytes}) would be uploaded to ${uri}; ${rest.join(", ")}.`;
}
