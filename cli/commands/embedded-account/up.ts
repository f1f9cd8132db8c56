import { Command } from "@commander-js/extra-typings";
import { seededWarning } from "../../../lambdas/contract/seeded-weights.ts";
import { isAlive } from "../../../shared/os-processes.mjs";
import { waitUntil } from "../../../shared/wait-until.ts";
import { defaultPort } from "../../account/embedded-account.ts";
import { conflictingSettings, exportLines } from "../../account/embedded-environment.ts";
import { type LocalSession, sessionSteps } from "../../account/local-session.ts";
import { yarnOption } from "../../account/yarn-option.ts";
import { approveRemoval } from "../../dataset/approve-removal.ts";
import { listObjects } from "../../dataset/bucket-sync.ts";
import {
  compareImages,
  describeDataset,
  describeUpload,
  openDataset,
  uploadImages,
} from "../../dataset/upload-images.ts";
import { imageTreeUri } from "../../deployment/deployed-stacks.ts";
import { layoutOption, parsePort } from "../../execution/input-options.ts";
import { withLifetime } from "../../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../../terminal/progress-steps.ts";
import { readModelInfo } from "../../toolchain/model-info.ts";
import { places } from "../../toolchain/places.ts";

const aliveCheckMs = 1_000;

export const command = new Command("up")
  .summary("run the account until Ctrl-C, or in the background with --detach")
  .description("run the account alone, with the stack in it, until Ctrl-C; prints what the aws CLI needs to use it")
  .option("--dataset <folder>", "images to put into it (default: a generated sample, when it has none)")
  .option("--delete", "remove images from it that the dataset does not have, however many", false)
  .addOption(layoutOption)
  .option("--port <port>", `port of the account on 127.0.0.1 (default: ${defaultPort})`, parsePort)
  .addOption(yarnOption)
  .option("--detach", "leave the account running, and return", false)
  .option("--json", "print one JSON object and nothing else", false)
  .addHelpText("after", "\nExample:\n  orchard local up --detach && orchard run --local")
  .action(({ dataset: folder, delete: mayDelete, layout, port, yarn, detach, json }) =>
    withLifetime(async (lifetime) => {
      const command = "orchard local up --dataset";
      const given = folder === undefined ? undefined : await openDataset(lifetime, { folder, layout, command });
      const { steps, get } = sessionSteps(lifetime, { port, yarn });
      const upload = async (reporter: Reporter): Promise<void> => {
        const session = get();
        const { bucket, inputPrefix } = session.deployment;
        if (!given && (await listObjects(session.clients.s3, bucket, inputPrefix)).length > 0) return;
        const images = given ?? (await openDataset(lifetime, { folder: undefined, command }));
        const plan = await compareImages(session, images, reporter);
        const uri = imageTreeUri(session.deployment);
        const removal = { uri, dataset: images.folder, approved: mayDelete, interactive: false };
        await approveRemoval(lifetime, plan, removal);
        const upload = { dataset: images, plan, remove: true };
        for (const text of describeDataset(images)) reporter.line(text);
        await uploadImages(lifetime, session, upload, reporter);
        reporter.title(describeUpload(session, upload));
      };
      await runSteps(lifetime, [...steps, { title: "Images", run: upload }], json);
      if (!json && readModelInfo().weights === "seeded") process.stderr.write(`! ${seededWarning}\n`);
      const { account } = get();
      if (detach) account.keep();
      process.stdout.write(describe(get(), { json, goesOn: detach || account.reused }));
      if (detach || account.reused) return;
      // Wait for Ctrl-C, or for `orchard local down`.
      await waitUntil(() => !isAlive(account.pid), { everyMs: aliveCheckMs, signal: lifetime.signal });
    }),
  );

function describe(
  { account, deployment }: LocalSession,
  { json, goesOn }: { readonly json: boolean; readonly goesOn: boolean },
): string {
  const { stateMachineArn, bucket, topicArn } = deployment;
  if (json) {
    return `${JSON.stringify({ endpoint: account.endpoint, env: account.env, console: account.console, unset: conflictingSettings, stateMachineArn, bucket, topicArn })}\n`;
  }
  const end = goesOn
    ? `It ${account.reused ? "was already running and continues" : "goes on in the background"}. End it: orchard local down`
    : "Ctrl-C stops it. In another terminal, after these exports:";
  return `
${exportLines(account.env).join("\n")}

State machine  ${stateMachineArn}
Bucket         ${bucket}
Topic          ${topicArn}
Console        ${account.console}

${end}
  ${places.python}/bin/aws stepfunctions start-execution --state-machine-arn ${stateMachineArn} --input '{"mode":"mini"}'
`;
}
