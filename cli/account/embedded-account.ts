import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { z } from "zod";
import { accountEnv, defaultPort, isRunning } from "../../local/account.ts";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import { type Lifetime, signalGroup, waitUntil } from "../terminal/lifetime.ts";
import { places, root } from "../toolchain/places.ts";
import { toolPath, withoutAws } from "../toolchain/run-tool.ts";
import type { AccountMessage } from "./account-process.ts";

const host = "127.0.0.1";
const stopMs = 20_000;
const healthMs = 3_000;

export interface RunningAccount {
  readonly endpoint: string;
  /** The exports that make an AWS client use this account. */
  readonly env: Readonly<Record<string, string>>;
  readonly pid: number;
  /** It ran already when this command came. */
  readonly reused: boolean;
  /** Lets it live on when this command ends. */
  readonly keep: () => void;
}

const healthSchema = z.object({ ok: z.literal(true), pid: z.number() });

/** The pid of the embedded account that answers on a port, if one does. */
async function healthOf(endpoint: string): Promise<number | undefined> {
  try {
    const answer = await fetch(`${endpoint}/_orchard/health`, { signal: AbortSignal.timeout(healthMs) });
    return healthSchema.safeParse(await answer.json()).data?.pid;
  } catch (error) {
    // Nothing listens there, or something else than an account.
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
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") return false;
    throw error;
  } finally {
    server.close();
  }
}

/** The account of this project that runs now, if any. */
export async function findAccount(): Promise<RunningAccount | undefined> {
  const running = await isRunning(places.account);
  if (!running) return undefined;
  const { endpoint, pid } = running;
  return { endpoint, pid, env: accountEnv(endpoint), reused: true, keep: () => undefined };
}

/**
 * The account that runs already, or a new one that ends with this command.
 *
 * @param port asked for by the user, if any
 * @throws UsageError when the port is taken
 */
export async function openAccount(lifetime: Lifetime, port: number | undefined): Promise<RunningAccount> {
  const running = await findAccount();
  if (running) {
    if (port !== undefined && new URL(running.endpoint).port !== String(port)) {
      throw new UsageError(
        `The account of this folder runs already, on ${running.endpoint}. Leave --port out to use it, or stop it with: npm run local -- stop`,
      );
    }
    return running;
  }
  const chosen = port ?? defaultPort;
  if (!(await isFree(chosen))) {
    const other = await healthOf(`http://${host}:${chosen}`);
    const what = other === undefined ? "another program" : `the account of another folder (process ${other})`;
    throw new UsageError(`Port ${chosen} is in use by ${what}. Choose a free one with --port.`);
  }
  return startAccountProcess(lifetime, chosen);
}

async function startAccountProcess(lifetime: Lifetime, port: number): Promise<RunningAccount> {
  mkdirSync(dirname(places.accountLog), { recursive: true });
  const log = openSync(places.accountLog, "w");
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "account-process.ts"), String(port), places.account],
    {
      cwd: root,
      // A group of its own: Ctrl-C reaches it through us alone, when the execution has been stopped.
      detached: true,
      stdio: ["ignore", log, log, "ipc"],
      env: { ...withoutAws(), PATH: toolPath() },
    },
  );
  const { pid } = child;
  if (pid === undefined) throw new CommandFailed("The account's process could not be started.");
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  let kept = false;
  lifetime.defer(
    async () => {
      if (kept) return;
      child.kill("SIGTERM");
      await waitUntil(hasEnded, stopMs);
      signalGroup(pid, "SIGKILL");
    },
    () => signalGroup(pid, "SIGKILL"),
  );
  const answer = await new Promise<AccountMessage>((resolve) => {
    child.once("message", (message) => resolve(message as AccountMessage));
    child.once("exit", (code) =>
      resolve({ error: { name: "AccountEnded", message: `it ended with exit code ${code}` } }),
    );
  });
  if ("error" in answer) {
    throw new CommandFailed(
      `The account did not start: ${answer.error.name}: ${answer.error.message}\nIts log: ${places.accountLog}`,
    );
  }
  const keep = (): void => {
    kept = true;
    child.send({ release: true });
    child.unref();
  };
  return { endpoint: answer.endpoint, env: answer.env, pid, reused: false, keep };
}

/** Stops the account that runs in the background. Answers false when there is none. */
export async function stopAccount(): Promise<boolean> {
  const running = await findAccount();
  if (!running) return false;
  process.kill(running.pid, "SIGTERM");
  const isGone = async (): Promise<boolean> => (await healthOf(running.endpoint)) === undefined;
  const hasEnded = await waitUntil(async () => (await isGone()) && !isAlive(running.pid), stopMs);
  if (!hasEnded) signalGroup(running.pid, "SIGKILL");
  return true;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}
