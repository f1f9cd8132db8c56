import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { EmrService } from "./emr/service.ts";
import { Gateway, PortInUse } from "./gateway.ts";
import { LambdaRunner } from "./lambda/runner.ts";
import { StepFunctionsService } from "./stepfunctions/executions.ts";
import { Tasks } from "./stepfunctions/tasks.ts";
import { ApiCalls } from "./support/api-calls.ts";
import { errorText } from "./support/aws-error.ts";
import { writeJson } from "./support/files.ts";
import { Mailbox } from "./support/mailbox.ts";
import { type AccountContext, type Supervised, supervise } from "./support/supervise.ts";

export { PortInUse };

export const defaultPort = 4566;
/** Not eu-west-1: version 1 of the AWS CLI prefers its own table of EMR endpoints to AWS_ENDPOINT_URL, and this region is not in it. */
const REGION = "eu-central-1";
const ACCOUNT_ID = "000000000000";
const CREDENTIALS = { accessKeyId: "test", secretAccessKey: "test" };
const startTimeoutMs = 60_000;
/** MiniStack saves its state when it stops. */
const stopGraceSeconds = 10;

interface AccountOptions {
  /** @default 4566 */
  readonly port?: number;
  /** Where the account's state is kept. @default <project>/.orchard/account */
  readonly directory?: string;
  /** Takes one line at a time of what the account has to say. @default nothing is said */
  readonly log?: (line: string) => void;
}

export interface Account {
  readonly endpoint: string;
  /** What makes the AWS CLI and the SDKs use this account. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends everything that runs in the account and leaves no process behind. The account does so itself when its MiniStack ends. */
  stop(): Promise<void>;
}

export interface RunningAccount {
  readonly pid: number;
  readonly endpoint: string;
  /** The process that ends MiniStack when this account dies. */
  readonly supervisorPid?: number;
}

/** An account with the same directory is already up. */
export class AccountRunning extends Error {
  override readonly name = "AccountRunning";
  readonly running: RunningAccount;

  constructor(running: RunningAccount) {
    super(`The embedded account is already running at ${running.endpoint} (process ${running.pid}).`);
    this.running = running;
  }
}

/** The environment variables that make the AWS CLI and the SDKs use the account at an endpoint. */
export function accountEnv(endpoint: string): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: REGION,
    // What version 1 of the AWS CLI and boto3 read.
    AWS_DEFAULT_REGION: REGION,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
  };
}

/** The account of a directory when it is up and answers, else undefined. */
export async function isRunning(directory: string = defaultDirectory()): Promise<RunningAccount | undefined> {
  const found = readPidFile(directory);
  if (found === undefined || !isAlive(found.pid)) {
    return undefined;
  }
  try {
    const response = await fetch(`${found.endpoint}/_orchard/health`, { signal: AbortSignal.timeout(2000) });
    const health = (await response.json()) as { readonly pid?: number };
    return health.pid === found.pid ? found : undefined;
  } catch {
    return undefined; // the process that has this id now is another one
  }
}

/**
 * Starts an AWS account on loopback and resolves when it is healthy.
 *
 * What survives a restart, also one by SIGKILL: S3 objects at once; buckets, stacks, functions, roles, topics, rules and
 * state machines as of about a second ago; executions, clusters and mails as they were recorded. An execution or a
 * cluster that was running has ended with the account, and is shown so.
 * @throws AccountRunning, PortInUse
 */
export async function startAccount(options: AccountOptions = {}): Promise<Account> {
  const directory = resolve(options.directory ?? defaultDirectory());
  const port = options.port ?? defaultPort;
  const log = options.log ?? (() => undefined);
  const running = await isRunning(directory);
  if (running !== undefined) {
    throw new AccountRunning(running);
  }
  const gateway = await Gateway.listen(port);
  try {
    return await start(gateway, { endpoint: `http://127.0.0.1:${port}`, directory, log });
  } catch (error) {
    await gateway.close();
    throw error;
  }
}

async function start(
  gateway: Gateway,
  place: { readonly endpoint: string; readonly directory: string; readonly log: (line: string) => void },
): Promise<Account> {
  const { endpoint, directory, log } = place;
  await awaitPredecessor(directory);
  // Files of processes that are gone, and what an earlier account was asked.
  for (const leftover of ["tmp", "lambda", "api-calls.jsonl"]) {
    rmSync(join(directory, leftover), { recursive: true, force: true });
  }
  mkdirSync(join(directory, "lambda"), { recursive: true });
  const tools = join(projectRoot(), ".orchard");
  const ministackPort = await getPort();
  const ministack = `http://127.0.0.1:${ministackPort}`;
  const context: AccountContext = {
    endpoint,
    ministack,
    directory,
    tools,
    region: REGION,
    accountId: ACCOUNT_ID,
    credentials: CREDENTIALS,
    log,
  };
  const server = startMinistack(context, ministackPort);
  try {
    const { pid: supervisorPid } = server.process;
    const record = { pid: process.pid, endpoint, ...(supervisorPid === undefined ? {} : { supervisorPid }) };
    // At once: should this account be killed now, the next one must wait for this MiniStack, too.
    writeJson(pidFile(directory), record satisfies RunningAccount);
    await healthy(ministack, server);
    const emr = new EmrService(context);
    const calls = new ApiCalls(context, (id) => emr.tags(id));
    const lambda = new LambdaRunner(context, calls);
    const stepFunctions = new StepFunctionsService(context, new Tasks(lambda, emr, calls));
    const mail = new Mailbox(join(directory, "mail"), ministack);
    const save = debounce(1000, () => server.process.stdin?.write("save\n"));
    gateway.serve({ ministack, stepFunctions, emr, lambda, mail, calls, changed: save.request, log });
    await stepFunctions.announce();
    let stopping: Promise<void> | undefined;
    const end = async (): Promise<void> => {
      await Promise.allSettled([stepFunctions.stop(), emr.stop(), lambda.stop()]);
      save.cancel();
      await server.stop();
      await gateway.close();
      rmSync(pidFile(directory), { force: true });
    };
    const stop = (): Promise<void> => {
      stopping ??= end();
      return stopping;
    };
    void server.ended.then((exitCode) => {
      if (stopping === undefined) {
        log(`MiniStack ended with exit code ${exitCode}, and the account with it: see ministack/ministack.log.`);
        void stop();
      }
    });
    return { endpoint, env: accountEnv(endpoint), stop };
  } catch (error) {
    await Promise.allSettled([server.stop()]);
    rmSync(pidFile(directory), { force: true });
    throw error;
  }
}

function startMinistack(context: AccountContext, port: number): Supervised {
  const folder = join(context.directory, "ministack");
  const temporary = join(context.directory, "tmp");
  mkdirSync(folder, { recursive: true });
  mkdirSync(temporary, { recursive: true });
  const output = openSync(join(folder, "ministack.log"), "w");
  const server = supervise(
    [join(context.tools, "python/bin/python"), join(import.meta.dirname, "ministack", "ministack_server.py")],
    {
      tools: context.tools,
      cwd: folder,
      input: "",
      stdout: output,
      stderr: output,
      graceSeconds: stopGraceSeconds,
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
        MINISTACK_REGION: context.region,
        MINISTACK_ACCOUNT_ID: context.accountId,
        PERSIST_STATE: "1",
        STATE_DIR: join(folder, "state"),
        S3_PERSIST: "1",
        S3_DATA_DIR: join(folder, "s3"),
        // No other listeners than the one, and no containers.
        SFTP_ENABLED: "0",
        IOT_MTLS_ENABLED: "0",
        DOCKER_HOST: `unix://${join(folder, "no-docker.sock")}`,
      },
    },
  );
  closeSync(output);
  return server;
}

async function healthy(ministack: string, server: Supervised): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  let obstacle: string | undefined;
  server.ended.then(
    (exitCode) => {
      obstacle = `it ended with exit code ${exitCode}`;
    },
    (error: unknown) => {
      obstacle = errorText(error);
    },
  );
  while (Date.now() < deadline && obstacle === undefined) {
    const response = await fetch(`${ministack}/_ministack/health`).catch(() => undefined);
    if (response?.ok) {
      return;
    }
    await sleep(100);
  }
  obstacle ??= `it did not answer within ${startTimeoutMs / 1000} s`;
  throw new Error(`MiniStack did not start: ${obstacle}; see ministack/ministack.log in the account's directory.`);
}

/** After a SIGKILL of an account its MiniStack still saves its state; ours must not read it before. */
async function awaitPredecessor(directory: string): Promise<void> {
  const found = readPidFile(directory);
  const deadline = Date.now() + (stopGraceSeconds + 2) * 1000;
  while (found?.supervisorPid !== undefined && isAlive(found.supervisorPid) && Date.now() < deadline) {
    await sleep(100);
  }
  rmSync(pidFile(directory), { force: true });
}

function debounce(
  milliseconds: number,
  action: () => void,
): { readonly request: () => void; readonly cancel: () => void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    request: () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        action();
      }, milliseconds);
    },
    cancel: () => clearTimeout(timer),
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function readPidFile(directory: string): RunningAccount | undefined {
  try {
    return JSON.parse(readFileSync(pidFile(directory), "utf8"));
  } catch {
    return undefined; // there is none, or none that tells anything
  }
}

function pidFile(directory: string): string {
  return join(directory, "account.json");
}

function projectRoot(): string {
  return dirname(import.meta.dirname);
}

function defaultDirectory(): string {
  return join(projectRoot(), ".orchard/account");
}
