import { Command } from "@commander-js/extra-typings";
import { readDataset } from "../dataset.ts";
import { requireDeployment } from "../deploy.ts";
import { withLifetime } from "../lifetime.ts";
import { uploadImages } from "../session.ts";
import { openTarget } from "../target.ts";
import { type Reporter, runSteps } from "../tasks.ts";

export const upload = new Command("upload")
  .description("copy new and changed images of a folder to the deployed stack's bucket")
  .argument("<folder>", "images as <split>/<label>/<image>")
  .option("--delete", "remove images from the bucket that the folder does not have", false)
  .action((folder, options) =>
    withLifetime(async (lifetime) => {
      const dataset = await readDataset(folder);
      const target = await openTarget();
      const session = { clients: target.clients, deployment: await requireDeployment(target) };
      const run = (say: Reporter) => uploadImages(lifetime, session, dataset, say, options.delete);
      await runSteps(lifetime, [{ title: "Images", run }], false);
    }),
  );
