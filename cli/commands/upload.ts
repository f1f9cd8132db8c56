import { Command } from "@commander-js/extra-typings";
import { openTarget } from "../account/deployment-target.ts";
import { readDataset } from "../dataset/image-tree.ts";
import { uploadImages } from "../dataset/upload-images.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { withLifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../terminal/progress-steps.ts";

export const command = new Command("upload")
  .description("copy new and changed images of a folder to the deployed stack's bucket")
  .argument("<folder>", "images as <split>/<label>/<image>")
  .option("--delete", "remove images from the bucket that the folder does not have", false)
  .action((folder, options) =>
    withLifetime(async (lifetime) => {
      const dataset = await readDataset(folder);
      const target = await openTarget();
      const uploadTarget = { clients: target.clients, deployment: await requireDeployment(target) };
      const run = (reporter: Reporter) => uploadImages(lifetime, uploadTarget, dataset, reporter, options.delete);
      await runSteps(lifetime, [{ title: "Images", run }], false);
    }),
  );
