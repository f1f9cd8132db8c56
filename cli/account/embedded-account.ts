import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants, mkdirSync, openSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { z } from "zod";
import { isAlive, signalGroup } from "../../shared/os-processes.mjs";
import { hasCode } from "../../shared/system-errors.mjs";
import { waitUntil } from "../../shared/wait-until.ts";
import { childEnvironment } from "../setup/child-environment.mjs";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { installPart } from "../toolchain/install-part.ts";
import { places, root } from "../toolchain/places.ts";
import { toolPath } from "../toolchain/run-tool.ts";
import { embeddedEnvironment } from "./embedded-environment.ts";

/** The usual port of AWS emulators. */
export const defaultPort = 4566;
const host = "127.0.0.1";
const stopMs = 20_000;
/** A killed process ends at once, but MiniStack still saves its state after its account was killed. */
const killMs = 10_000;
const healthMs = 3_000;
/** Starts, finds and deletes accounts; the head of the file describes its arguments and messages. */
const accountMain = join(root, "local", "account-main.ts");

export interface EmbeddedAccount {
  readonly endpoint: string;
  /** Environment variables that make an AWS client use this account. */
  readonly env: Readonly<Record<string, string>>;
  /** Link that opens the account's console. Whoever has it can use the account. */
  readonly console: string;
  readonly pid: number;
  /** The process that ends MiniStack. */
  readonly supervisorPid?: number | undefined;
  /** Whether its clusters run YARN. */
  readonly yarn?: boolean | undefined;
  /** Whether the account was already running when this command started. */
  readonly reused: boolean;
  /** Keeps the account running after this command. */
  readonly keep: () => void;
}

const announcementSchema = z.object({
  pid: z.number(),
  supervisorPid: z.number().optional(),
  yarn: z.boolean().optional(),
  endpoint: z.string(),
  env: z.record(z.string(), z.string()),
  console: z.string(),
});
type Announcement = z.output<typeof announcementSchema>;
const startMessageSchema = z.union([
  announcementSchema,
  z.object({ error: z.object({ name: z.string(), message: z.string() }) }),
]);
type StartMessage = z.output<typeof startMessageSchema>;

const healthSchema = z.object({ ok: z.literal(true), pid: z.number() });

/** The process id of the embedded account that answers at an endpoint, if there is one. */
async function readHealth(endpoint: string): Promise<number | undefined> {
  try {
    const answer = await fetch(`${endpoint}/_orchard/health`, { signal: AbortSignal.timeout(healthMs) });
    return healthSchema.safeParse(await answer.json()).data?.pid;
  } catch (error) {
    // Nothing listens on the port, or the program there is not an account.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = once(server.listen(port, host), "listening");
  try {
    await listening;
    return true;
  } catch (error) {
    if (hasCode(error, "EADDRINUSE")) return false;
    throw error;
  } finally {
    server.close();
  }
}

/**
 * Asks about this project's account in a process of its own.
 *
 * @throws UsageError when an account uses the folder but does not answer
 */
async function askAccountMain(verb: "find" | "delete"): Promise<Announcement | null> {
  const { stdout } = await execa(process.execPath, [accountMain, verb, places.account], {
    cwd: root,
    extendEnv: false,
    env: childEnvironment("tool"),
  });
  const answer = startMessageSchema.nullable().parse(JSON.parse(stdout));
  if (answer && "error" in answer) throw new UsageError(answer.error.message);
  return answer;
}

/**
 * This project's running account, if there is one.
 *
 * @throws UsageError when it is starting, stopping or stuck
 */
export async function findAccount(): Promise<EmbeddedAccount | undefined> {
  const running = await askAccountMain("find");
  return running ? { ...running, reused: true, keep: () => undefined } : undefined;
}

/** The account that a command asks for. */
export interface AccountChoice {
  /** The port that the user asked for, if any. */
  readonly port: number | undefined;
  /** Whether its clusters are to run YARN. */
  readonly yarn: boolean;
}

/**
 * Returns this project's running account, or starts one that ends with this command.
 *
 * @throws UsageError when the running account has another port or no YARN, or the port is taken; CommandFailed when
 *   YARN's jars cannot be installed
 */
export async function openAccount(lifetime: Lifetime, { port, yarn }: AccountChoice): Promise<EmbeddedAccount> {
  const running = await findAccount();
  if (running) {
    if (yarn && running.yarn !== true) {
      throw new UsageError(
        `The account of this folder already runs on ${running.endpoint}, without YARN. End it first: orchard local down`,
      );
    }
    if (port !== undefined && new URL(running.endpoint).port !== String(port)) {
      throw new UsageError(
        `The account of this folder already runs on ${running.endpoint}. Leave --port out to use it, or end it: orchard local down`,
      );
    }
    return running;
  }
  const chosen = port ?? defaultPort;
  if (!(await isFree(chosen))) {
    const other = await readHealth(`http://${host}:${chosen}`);
    const owner = other === undefined ? "another program" : `the account of another folder (process ${other})`;
    throw new UsageError(`Port ${chosen} is in use by ${owner}. Choose a free one with --port.`);
  }
  if (yarn) await installPart(lifetime, "yarn");
  return startAccountProcess(lifetime, { port: chosen, yarn }, places.account);
}

function accountLog(directory: string): string {
  return `${directory}.log`;
}

/**
 * Starts an account that ends with this command, unless it is kept.
 *
 * @param directory holds the account's state; its log is the file beside it
 * @throws CommandFailed with the reason why the account did not start; UsageError when another one is starting there
 */
export async function startAccountProcess(
  lifetime: Lifetime,
  { port, yarn }: { readonly port: number; readonly yarn: boolean },
  directory: string,
): Promise<EmbeddedAccount> {
  const logFile = accountLog(directory);
  mkdirSync(dirname(logFile), { recursive: true });
  // Appending keeps the lines whole when two starts at once have the same log.
  const { O_APPEND, O_CREAT, O_TRUNC, O_WRONLY } = constants;
  const log = openSync(logFile, O_APPEND | O_CREAT | O_TRUNC | O_WRONLY, 0o600);
  const child = spawn(process.execPath, [accountMain, String(port), directory, ...(yarn ? ["--yarn"] : [])], {
    cwd: root,
    // Ctrl-C must not reach the account directly: it ends after the execution has been stopped.
    detached: true,
    stdio: ["ignore", log, log, "ipc"],
    env: { ...embeddedEnvironment({}, directory), PATH: toolPath() },
  });
  const { pid } = child;
  if (pid === undefined) throw new CommandFailed("The account's process could not be started.");
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  let kept = false;
  lifetime.defer(
    async () => {
      if (kept) return;
      child.kill("SIGTERM");
      await waitUntil(hasEnded, { timeoutMs: stopMs });
      signalGroup(pid, "SIGKILL");
    },
    () => signalGroup(pid, "SIGKILL"),
  );
  const message = await new Promise<StartMessage>((resolve, reject) => {
    child.once("message", (received) => {
      const { data, error } = startMessageSchema.safeParse(received);
      if (data) resolve(data);
      else reject(error);
    });
    child.once("exit", (code) =>
      resolve({ error: { name: "AccountEnded", message: `it ended with exit code ${code}` } }),
    );
  });
  if ("error" in message) {
    const { name, message: reason } = message.error;
    if (name === "AccountBusy") throw new UsageError(reason);
    throw new CommandFailed(`The account did not start: ${name}: ${reason}\nIts log: ${logFile}`);
  }
  const keep = (): void => {
    kept = true;
    child.send({ release: true });
    child.unref();
  };
  return { ...message, reused: false, keep };
}

/**
 * Stops an account, and waits until its processes are gone.
 *
 * @throws CommandFailed when one of them is still there
 */
export async function stopAccount({ pid, endpoint, supervisorPid = pid }: EmbeddedAccount): Promise<void> {
  process.kill(pid, "SIGTERM");
  const isGone = async (): Promise<boolean> =>
    !isAlive(pid) && !isAlive(supervisorPid) && (await readHealth(endpoint)) === undefined;
  if (await waitUntil(isGone, { timeoutMs: stopMs })) return;
  signalGroup(pid, "SIGKILL");
  if (await waitUntil(isGone, { timeoutMs: killMs })) return;
  throw new CommandFailed(`The account on ${endpoint} still runs, as process ${pid}. End it: kill -9 ${pid}`);
}

/**
 * Deletes the state of this project's account and its log.
 *
 * @throws UsageError while an account uses it
 */
export async function deleteAccount(): Promise<void> {
  await askAccountMain("delete");
  rmSync(accountLog(places.account), { force: true });
}
