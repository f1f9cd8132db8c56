import { join, relative } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { runUri } from "../../lambdas/contract/s3-layout.ts";
import { addTargetOptions, openChosenTarget } from "../account/target-options.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { downloadRun } from "../execution/download-run.ts";
import { findRun, runArgument } from "../execution/find-run.ts";
import { NotFound } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { withLifetime } from "../terminal/lifetime.ts";
import { root } from "../toolchain/places.ts";

export const command = addTargetOptions(
  new Command("results")
    .helpGroup(groups.look)
    .summary("download the results of a run")
    .description("copy what a run has left in the deployed stack's bucket to results/<run id>/")
    .argument("<run>", runArgument),
).action((text, options) =>
  withLifetime(async () => {
    const target = await openChosenTarget(options);
    const { bucket, stateMachineArn } = await requireDeployment(target);
    const { runId } = await findRun(target.clients.sfn, stateMachineArn, text);
    const uri = runUri(bucket, runId);
    const folder = join(root, "results", runId);
    const files = await downloadRun(target.clients, uri, folder);
    if (files === 0) throw new NotFound(`There is nothing at ${uri}`);
    process.stdout.write(`${files} files in ${relative(process.cwd(), folder)}\n`);
  }),
);
