import { Command } from "@commander-js/extra-typings";
import { isAlive } from "../../shared/os-processes.mjs";
import { waitUntil } from "../../shared/wait-until.ts";
import { defaultPort, stopAccount } from "../account/embedded-account.ts";
import { conflictingSettings, exportLines } from "../account/embedded-environment.ts";
import { type LocalSession, sessionSteps } from "../account/local-session.ts";
import { approveRemoval } from "../dataset/approve-removal.ts";
import { listObjects } from "../dataset/bucket-sync.ts";
import { compareImages, openDataset, uploadImages } from "../dataset/upload-images.ts";
import { parsePort } from "../execution/input-options.ts";
import { groups } from "../terminal/command-groups.ts";
import { withLifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../terminal/progress-steps.ts";

const aliveCheckMs = 1_000;

const stop = new Command("stop").description("stop the account that runs in the background").action(async () => {
  const stopped = await stopAccount();
  process.stdout.write(stopped ? "The account has stopped.\n" : "No account is running.\n");
});

export const command = new Command("local")
  .helpGroup(groups.laptop)
  .summary("run the embedded account until Ctrl-C")
  .description("run the account alone, with the stack in it, until Ctrl-C; prints what the aws CLI needs to use it")
  .option("--dataset <folder>", "images to put into it (default: a generated sample, when it has none)")
  .option("--delete", "remove images from it that the dataset does not have, however many", false)
  .option("--port <port>", `port of the account on 127.0.0.1 (default: ${defaultPort})`, parsePort)
  .option("--json", "print one JSON object and nothing else", false)
  .action(({ dataset: folder, delete: mayDelete, port, json }) =>
    withLifetime(async (lifetime) => {
      const command = "npm run local -- --dataset";
      const given = folder === undefined ? undefined : await openDataset(lifetime, { folder, command });
      const { steps, get } = sessionSteps(lifetime, port);
      const upload = async (reporter: Reporter): Promise<void> => {
        const session = get();
        const { bucket, inputPrefix } = session.deployment;
        if (!given && (await listObjects(session.clients.s3, bucket, inputPrefix)).length > 0) return;
        const images = given ?? (await openDataset(lifetime, { folder: undefined, command }));
        const plan = await compareImages(session, images);
        const uri = `s3://${bucket}/${inputPrefix}`;
        const removal = { uri, dataset: images.folder, approved: mayDelete, interactive: false };
        await approveRemoval(lifetime, plan, removal);
        await uploadImages(lifetime, session, { dataset: images, plan, remove: true }, reporter);
      };
      await runSteps(lifetime, [...steps, { title: "Images", run: upload }], json);
      process.stdout.write(describe(get(), json));
      const { account } = get();
      if (account.reused) return;
      // Wait for Ctrl-C, or for `orchard local stop`.
      await waitUntil(() => !isAlive(account.pid), { everyMs: aliveCheckMs, signal: lifetime.signal });
    }),
  );
command.addCommand(stop);

function describe({ account, deployment }: LocalSession, json: boolean): string {
  const { stateMachineArn, bucket, topicArn } = deployment;
  if (json) {
    return `${JSON.stringify({ endpoint: account.endpoint, env: account.env, unset: conflictingSettings, stateMachineArn, bucket, topicArn })}\n`;
  }
  const end = account.reused
    ? "It was already running and continues. Stop it with: npm run local -- stop"
    : "Ctrl-C stops it. In another terminal, after these exports:";
  return `
${exportLines(account.env).join("\n")}

State machine  ${stateMachineArn}
Bucket         ${bucket}
Topic          ${topicArn}

${end}
  .orchard/python/bin/aws stepfunctions start-execution --state-machine-arn ${stateMachineArn} --input '{"mode":"mini"}'
`;
}
