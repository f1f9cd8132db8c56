import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import getPort from "get-port";
import { accountEnv, createSettingsFiles, region } from "./account-env.ts";
import { AccountBusy, type DirectoryLock, lockDirectory } from "./account-lock.ts";
import {
  awaitPredecessor,
  findRunningAccount,
  type RunningAccount,
  removeRecord,
  writeRecord,
} from "./account-record.ts";
import { consoleLink } from "./console/console-keys.ts";
import { LocalConsole } from "./console/local-console.ts";
import { EmrService } from "./emr/emr-service.ts";
import { findNodeViews } from "./emr/yarn/node-view.ts";
import { Gateway, PortInUse } from "./gateway.ts";
import { removeOldCode } from "./lambda/function-code.ts";
import { LambdaRunner } from "./lambda/runner.ts";
import { awaitMinistack, ministackGraceSeconds, startMinistack } from "./ministack/ministack-process.ts";
import { setUnreadableStateAside } from "./ministack/saved-state.ts";
import { StepFunctionsService } from "./stepfunctions/step-functions-service.ts";
import { TaskIntegrations } from "./stepfunctions/task-integrations.ts";
import type { AccountContext } from "./support/account-context.ts";
import { CallRecorder } from "./support/call-recorder.ts";
import { Callers } from "./support/callers.ts";
import { accountKeys } from "./support/key-pair.ts";
import { SnsMailbox } from "./support/sns-mailbox.ts";
import type { Supervised } from "./support/supervise.ts";

export { PortInUse, type RunningAccount };

export const defaultPort = 4566;
const accountId = "000000000000";
/**
 * The delay before MiniStack's state is saved after a change. MiniStack also saves it when the account is killed. Changes
 * are lost only if both end at once, such as by a power failure.
 */
const saveDelayMs = 5000;

interface AccountOptions {
  /** @default 4566 */
  readonly port?: number;
  /** The folder of the account's state. @default <project>/.orchard/account */
  readonly directory?: string;
  /** Whether clusters run YARN: a ResourceManager and NodeManagers. @default steps run by local[*] */
  readonly yarn?: boolean;
  /** Receives the account's log, a line a call. @default the log is discarded */
  readonly log?: (line: string) => void;
}

export interface Account {
  readonly endpoint: string;
  /** The environment variables that make the AWS CLI and the SDKs use this account. */
  readonly env: Readonly<Record<string, string>>;
  /** The link that opens the console in a browser. Whoever has it can use the account. */
  readonly console: string;
  /** Ends every process of the account. The account stops itself when its MiniStack ends. */
  stop(): Promise<void>;
}

/** Another process runs an account with the same directory. */
export class AccountRunning extends Error {
  override readonly name = "AccountRunning";
  readonly running: RunningAccount;

  constructor(running: RunningAccount) {
    super(`The embedded account is already running at ${running.endpoint} (process ${running.pid}).`);
    this.running = running;
  }
}

/**
 * Starts an AWS account on loopback and resolves when it is healthy.
 *
 * S3 objects survive every restart, even after a SIGKILL, and so do the records of executions, clusters and mails.
 * Buckets, stacks, functions, roles, topics, rules and state machines may lose the last seconds of changes. Executions
 * and clusters that were running when the account ended are shown as ended.
 * @throws AccountRunning, AccountBusy, PortInUse; NoMountNamespaces with `yarn` on a machine that cannot run its nodes
 */
export async function startAccount(options: AccountOptions = {}): Promise<Account> {
  const directory = resolve(options.directory ?? defaultDirectory());
  const port = options.port ?? defaultPort;
  if (options.yarn) findNodeViews();
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o700);
  const lock = lockDirectory(directory);
  if (lock === undefined) {
    const running = await findRunningAccount(directory);
    throw running === undefined ? new AccountBusy(directory) : new AccountRunning(running);
  }
  try {
    return await startLocked(lock, directory, await Gateway.listen(port), options);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Starts the account of a directory whose lock this process has. */
async function startLocked(
  lock: DirectoryLock,
  directory: string,
  gateway: Gateway,
  { yarn = false, log = () => undefined }: AccountOptions,
): Promise<Account> {
  try {
    await awaitPredecessor(directory, (ministackGraceSeconds + 2) * 1000);
    removeLeftovers(directory);
    createSettingsFiles(directory);
    setUnreadableStateAside(join(directory, "ministack"), log);
    const ministackPort = await getPort();
    const context: AccountContext = {
      endpoint: `http://127.0.0.1:${gateway.port}`,
      ministack: `http://127.0.0.1:${ministackPort}`,
      directory,
      tools: join(projectRoot(), ".orchard"),
      region,
      accountId,
      credentials: accountKeys(directory, log),
      yarn,
      log,
    };
    return await startServices(lock, gateway, context, startMinistack(context, ministackPort));
  } catch (error) {
    await gateway.close();
    throw error;
  }
}

/** Removes the files of ended processes and the calls that an earlier account recorded. */
function removeLeftovers(directory: string): void {
  for (const leftover of ["tmp", "api-calls.jsonl"]) {
    rmSync(join(directory, leftover), { recursive: true, force: true });
  }
  removeOldCode(join(directory, "lambda"));
}

async function startServices(
  lock: DirectoryLock,
  gateway: Gateway,
  context: AccountContext,
  server: Supervised,
): Promise<Account> {
  const { endpoint, directory, yarn = false, log } = context;
  try {
    const { pid: supervisorPid } = server.process;
    // Written before MiniStack is healthy: if this process is killed now, the next account must wait for MiniStack, too.
    const supervisor = supervisorPid === undefined ? {} : { supervisorPid };
    writeRecord(directory, { pid: process.pid, endpoint, yarn, ...supervisor });
    await awaitMinistack(context, server);
    const emr = new EmrService(context);
    const calls = new CallRecorder(context, (id) => emr.tags(id));
    const callers = new Callers(context.credentials);
    const lambda = new LambdaRunner(context, callers, calls);
    const stepFunctions = new StepFunctionsService(context, new TaskIntegrations(lambda, emr, calls));
    const mailbox = new SnsMailbox(context);
    const console = new LocalConsole({ context, stepFunctions, emr, mailbox });
    const save = debounce(saveDelayMs, () => server.process.stdin?.write("save\n"));
    gateway.serve({ context, stepFunctions, emr, lambda, mailbox, console, callers, calls, onChange: save.request });
    await stepFunctions.publishInterrupted();
    const stop = once(async () => {
      await Promise.allSettled([stepFunctions.stop(), emr.stop(), lambda.stop()]);
      save.cancel();
      await server.stop();
      await gateway.close();
      removeRecord(directory);
      lock.release();
    });
    void server.ended.then((exitCode) => {
      if (!stop.isCalled()) {
        log(`MiniStack ended with exit code ${exitCode}, so the account stops: see ministack/ministack.log.`);
        void stop.call();
      }
    });
    return {
      endpoint,
      env: accountEnv(endpoint, directory),
      console: consoleLink(endpoint, directory),
      stop: stop.call,
    };
  } catch (error) {
    await Promise.allSettled([server.stop()]);
    removeRecord(directory);
    throw error;
  }
}

/** Makes repeated calls of an action share its first run. */
function once(action: () => Promise<void>): { readonly call: () => Promise<void>; readonly isCalled: () => boolean } {
  let running: Promise<void> | undefined;
  return {
    call: () => {
      running ??= action();
      return running;
    },
    isCalled: () => running !== undefined,
  };
}

/** Runs an action after a delay, once for all requests in that time. */
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

function projectRoot(): string {
  return dirname(import.meta.dirname);
}

function defaultDirectory(): string {
  return join(projectRoot(), ".orchard/account");
}
