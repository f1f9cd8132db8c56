import { Command } from "@commander-js/extra-typings";
import { addTargetOptions, openChosenTarget } from "../account/target-options.ts";
import { readDataset } from "../dataset/image-tree.ts";
import { compareImages, uploadImages } from "../dataset/upload-images.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { layoutOption } from "../execution/input-options.ts";
import { groups } from "../terminal/command-groups.ts";
import { withLifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../terminal/progress-steps.ts";

export const command = addTargetOptions(
  new Command("upload")
    .helpGroup(groups.setUp)
    .summary("copy new and changed images to the bucket")
    .description("copy new and changed images of a folder to the deployed stack's bucket")
    .argument("<folder>", "images as <split>/<label>/<image> or <label>/<image>")
    .option("--delete", "remove images from the bucket that the folder does not have", false)
    .addOption(layoutOption),
).action((folder, { delete: remove, layout, ...chosen }) =>
  withLifetime(async (lifetime) => {
    const dataset = await readDataset(folder, { layout, command: "orchard upload" });
    const target = await openChosenTarget(chosen);
    const uploadTarget = { clients: target.clients, deployment: await requireDeployment(target) };
    const run = async (reporter: Reporter): Promise<void> => {
      const plan = await compareImages(uploadTarget, dataset);
      await uploadImages(lifetime, uploadTarget, { dataset, plan, remove }, reporter);
    };
    await runSteps(lifetime, [{ title: "Images", run }], false);
  }),
);
