import { S3ServiceException } from "@aws-sdk/client-s3";
import { Command } from "@commander-js/extra-typings";
import type { Layout } from "../../lambdas/contract/image-tree.ts";
import { quoteArgument } from "../../shared/shell-quotes.ts";
import { addTargetOptions, openChosenTarget, type TargetOptions, targetArguments } from "../account/target-options.ts";
import { type Dataset, readDataset } from "../dataset/image-tree.ts";
import { type PlannedUpload, planImagesUpload, planPackUpload } from "../dataset/planned-upload.ts";
import { describeDataset } from "../dataset/upload-images.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { layoutOption } from "../execution/input-options.ts";
import { isConnectionLost } from "../execution/lost-connection.ts";
import { CommandFailed } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { isTerminal } from "../terminal/confirm.ts";
import { Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../terminal/progress-steps.ts";
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
    .option("--pack", "upload the images as a few large files, which runs read with fewer requests", false)
    .option("--dry-run", "say what would be uploaded and removed, and do nothing", false)
    .addOption(layoutOption)
    .option("--json", "print one JSON object and nothing else", false)
    .addHelpText("after", "\nExamples:\n  orchard upload photos --dry-run\n  orchard upload photos --pack"),
).action((folder, options) =>
  withLifetime((lifetime) => upload(lifetime, fromPerson(folder), options), new Lifetime({ notice: null })),
);

interface UploadOptions extends TargetOptions {
  readonly delete: boolean;
  readonly dryRun: boolean;
  readonly pack: boolean;
  readonly layout?: Layout | undefined;
  readonly json: boolean;
}

async function upload(lifetime: Lifetime, folder: string, options: UploadOptions): Promise<void> {
  const { delete: remove, dryRun, pack, layout, json, ...chosen } = options;
  const quiet = json || !isTerminal(process.stderr);
  let dataset: Dataset | undefined;
  let planned: PlannedUpload | undefined;
  const read = async ({ line, title }: Reporter): Promise<void> => {
    const command = ["orchard upload", ...targetArguments(chosen), ...(pack ? ["--pack"] : [])].join(" ");
    dataset = await readDataset(folder, { layout, command });
    const say = quiet ? (text: string) => process.stderr.write(`${text}\n`) : line;
    if (!json) for (const text of describeDataset(dataset)) say(text);
    title(`Images: ${dataset.files.length}`);
  };
  const compare = async (reporter: Reporter): Promise<void> => {
    if (!dataset) throw new Error("The comparison ran before the folder was read");
    const target = await openChosenTarget(chosen);
    const to = { clients: target.clients, deployment: await requireDeployment(target) };
    const plan = pack ? planPackUpload : planImagesUpload;
    planned = await plan(to, { dataset, remove }, reporter);
  };
  const transfer = async (reporter: Reporter): Promise<void> => {
    if (!planned) throw new Error("The upload ran before the comparison");
    await sayHowToGoOn(lifetime, planned, planned.transfer(lifetime, reporter));
  };
  const steps = [
    { title: `Reading ${folder}`, run: read },
    { title: "Comparison", run: compare },
    ...(dryRun ? [] : [{ title: "Upload", run: transfer }]),
  ];
  await runSteps(lifetime, steps, quiet);
  if (!planned) throw new Error("The comparison did not produce a plan");
  process.stdout.write(`${json ? JSON.stringify(planned.summarize(dryRun)) : planned.describe(dryRun)}\n`);
}

/** Says after an interruption or a failure how to go on. @throws CommandFailed when S3 does not answer */
async function sayHowToGoOn(
  lifetime: Lifetime,
  { soFar }: Pick<PlannedUpload, "soFar">,
  work: Promise<void>,
): Promise<void> {
  const again = `To go on: orchard ${process.argv.slice(2).map(quoteArgument).join(" ")}`;
  lifetime.defer(async () => {
    if (!lifetime.interrupted) return;
    await Promise.allSettled([work]);
    process.stderr.write(`\nInterrupted: ${soFar()}. ${again}\n`);
  });
  try {
    await work;
  } catch (error) {
    if (!(error instanceof S3ServiceException) && !isConnectionLost(error)) throw error;
    throw new CommandFailed(`${error.name}: ${error.message.trim()}\n${soFar()}. ${again}`);
  }
}
