import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "@commander-js/extra-typings";
import { isAlive, stopAccount } from "../account/embedded-account.ts";
import { openDataset, type Session, sessionSteps, uploadImages } from "../account/local-session.ts";
import { listObjects } from "../dataset/bucket-sync.ts";
import { parsePort } from "../execution/execution-input.ts";
import { withLifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../terminal/progress-steps.ts";

const aliveCheckMs = 1_000;

const stop = new Command("stop").description("stop the account that runs in the background").action(async () => {
  const stopped = await stopAccount();
  process.stdout.write(stopped ? "The account has stopped.\n" : "No account is running.\n");
});

export const command = new Command("local")
  .description("run the account alone, with the stack in it, until Ctrl-C; prints what the aws CLI needs to use it")
  .option("--dataset <folder>", "images to put into it (default: a generated sample, when it has none)")
  .option("--port <port>", "port of the account on 127.0.0.1 (default: 4566)", parsePort)
  .option("--json", "print one JSON object and nothing else", false)
  .action(({ dataset, port, json }) =>
    withLifetime(async (lifetime) => {
      const given = dataset === undefined ? undefined : await openDataset(lifetime, dataset);
      const { steps, get } = sessionSteps(lifetime, port);
      const upload = async (say: Reporter): Promise<void> => {
        const session = get();
        const { clients, deployment } = session;
        if (!given && (await listObjects(clients.s3, deployment.bucket, deployment.inputPrefix)).length > 0) return;
        await uploadImages(lifetime, session, given ?? (await openDataset(lifetime, undefined)), say);
      };
      await runSteps(lifetime, [...steps, { title: "Images", run: upload }], json);
      process.stdout.write(describe(get(), json));
      if (get().account.reused) return;
      // Until Ctrl-C, or until somebody stops it.
      while (isAlive(get().account.pid)) await sleep(aliveCheckMs, undefined, { signal: lifetime.signal });
    }),
  );
command.addCommand(stop);

function describe({ account, deployment }: Session, json: boolean): string {
  const { stateMachineArn, bucket, topicArn } = deployment;
  if (json) {
    return `${JSON.stringify({ endpoint: account.endpoint, env: account.env, stateMachineArn, bucket, topicArn })}\n`;
  }
  const exports = Object.entries(account.env).map(([name, value]) => `export ${name}=${value}`);
  const end = account.reused
    ? "It ran already and goes on. Stop it with: npm run local -- stop"
    : "Ctrl-C stops it. In another terminal, after these exports:";
  return `
${exports.join("\n")}

State machine  ${stateMachineArn}
Bucket         ${bucket}
Topic          ${topicArn}

${end}
  .orchard/python/bin/aws stepfunctions start-execution --state-machine-arn ${stateMachineArn} --input '{"mode":"mini"}'
`;
}
