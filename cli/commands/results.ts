import { join, relative } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { runUri } from "../../lambdas/contract/s3-layout.ts";
import { openTarget } from "../account/deployment-target.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { downloadRun } from "../execution/download-run.ts";
import { UsageError } from "../terminal/command-errors.ts";
import { withLifetime } from "../terminal/lifetime.ts";
import { root } from "../toolchain/places.ts";

export const command = new Command("results")
  .description("copy what a run has left in the deployed stack's bucket to results/<run id>/")
  .argument("<run id>", "name of the execution")
  .action((runId) =>
    withLifetime(async () => {
      const target = await openTarget();
      const uri = runUri((await requireDeployment(target)).bucket, runId);
      const folder = join(root, "results", runId);
      const files = await downloadRun(target.clients, uri, folder);
      if (files === 0) throw new UsageError(`There is nothing at ${uri}`);
      process.stdout.write(`${files} files in ${relative(process.cwd(), folder)}\n`);
    }),
  );
