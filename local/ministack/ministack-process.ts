import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { waitUntil } from "../../shared/wait-until.ts";
import { settingsFiles } from "../account-env.ts";
import type { AccountContext } from "../support/account-context.ts";
import { errorText } from "../support/aws-error.ts";
import { serviceToken } from "../support/key-pair.ts";
import { type Supervised, supervise } from "../support/supervise.ts";
import { requestMinistack } from "./ministack-request.ts";

const startTimeoutMs = 60_000;

/** The time in which MiniStack saves its state when it stops. */
export const ministackGraceSeconds = 10;

/** Starts MiniStack on loopback; its output goes to ministack/ministack.log. */
export function startMinistack(context: AccountContext, port: number): Supervised {
  const folder = join(context.directory, "ministack");
  const temporary = join(context.directory, "tmp");
  mkdirSync(folder, { recursive: true });
  mkdirSync(temporary, { recursive: true });
  const output = openSync(join(folder, "ministack.log"), "w");
  const python = join(context.tools, "python/bin/python");
  const server = supervise([python, join(import.meta.dirname, "ministack_server.py")], {
    tools: context.tools,
    cwd: folder,
    input: "",
    stdout: output,
    stderr: output,
    graceSeconds: ministackGraceSeconds,
    env: {
      PATH: "/usr/local/bin:/usr/bin:/bin",
      HOME: folder,
      TMPDIR: temporary,
      LANG: "C.UTF-8",
      GATEWAY_PORT: String(port),
      EDGE_PORT: String(port),
      BIND_HOST: "127.0.0.1",
      AWS_ENDPOINT_URL: context.endpoint,
      AWS_ACCESS_KEY_ID: context.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: context.credentials.secretAccessKey,
      ...settingsFiles(context.directory),
      ORCHARD_TOKEN: serviceToken(context.credentials),
      MINISTACK_REGION: context.region,
      MINISTACK_ACCOUNT_ID: context.accountId,
      PERSIST_STATE: "1",
      STATE_DIR: join(folder, "state"),
      S3_PERSIST: "1",
      S3_DATA_DIR: join(folder, "s3"),
      // Disable MiniStack's other listeners and its containers.
      SFTP_ENABLED: "0",
      IOT_MTLS_ENABLED: "0",
      DOCKER_HOST: `unix://${join(folder, "no-docker.sock")}`,
    },
  });
  closeSync(output);
  return server;
}

/** Waits until MiniStack answers. @throws Error when it ends or does not answer in time */
export async function awaitMinistack(context: AccountContext, server: Supervised): Promise<void> {
  let failure: string | undefined;
  server.ended.then(
    (exitCode) => {
      failure = `it ended with exit code ${exitCode}`;
    },
    (error: unknown) => {
      failure = errorText(error);
    },
  );
  const health = `${context.ministack}/_ministack/health`;
  let healthy = false;
  const isDone = async (): Promise<boolean> => {
    healthy = (await requestMinistack(context, health).catch(() => undefined))?.ok === true;
    return healthy || failure !== undefined;
  };
  await waitUntil(isDone, { timeoutMs: startTimeoutMs });
  if (!healthy) {
    failure ??= `it did not answer within ${startTimeoutMs / 1000} s`;
    throw new Error(`MiniStack did not start: ${failure}; see ministack/ministack.log in the account's directory.`);
  }
}
