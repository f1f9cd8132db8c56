// Runs the embedded account in a process of its own:
//
//   node local/account-main.ts [port] [directory] [--yarn]    starts the account; with --yarn, its clusters run YARN
//   node local/account-main.ts find <directory>      prints the account that runs in the directory as JSON, or null
//   node local/account-main.ts delete <directory>    deletes the state in the directory, and prints null
//
// `find` and `delete` print {"error"} as below when an account uses the directory but does not answer.
//
// A started account prints {"pid", "endpoint", "env", "console"} as one line of JSON. A parent process with an IPC channel receives
// it as a message instead, or {"error": {"name", "message"}}. The account stops when that channel closes, however the
// parent ends, unless the parent has sent {"release": true}.
import { rmSync } from "node:fs";
import { resolve } from "node:path";
import type { Account } from "./account.ts";
import { accountEnv } from "./account-env.ts";
import { AccountBusy, lockDirectory } from "./account-lock.ts";
import { findRunningAccount, isUnresponsive } from "./account-record.ts";
import { consoleLink } from "./console/console-keys.ts";

async function findRunning(directory: string): Promise<unknown> {
  const running = await findRunningAccount(directory);
  if (running) {
    const { endpoint } = running;
    const folder = resolve(directory);
    return { ...running, env: accountEnv(endpoint, folder), console: consoleLink(endpoint, folder) };
  }
  return isUnresponsive(directory) ? describeError(new AccountBusy(directory)) : null;
}

function deleteState(directory: string): unknown {
  const lock = lockDirectory(directory);
  if (!lock) return describeError(new AccountBusy(directory));
  try {
    rmSync(directory, { recursive: true });
    return null;
  } finally {
    lock.release();
  }
}

function describeError(error: unknown): { readonly error: { readonly name: string; readonly message: string } } {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { error: { name, message } };
}

/** No file of the account is readable by other users. */
const umask = 0o077;

async function run(port: string | undefined, directory: string | undefined, yarn: boolean): Promise<void> {
  let account: Account | undefined;
  stopWhenAsked(async () => account?.stop());
  try {
    // `find` answers without loading the services, which takes a second.
    const { startAccount } = await import("./account.ts");
    account = await startAccount({
      ...(port === undefined ? {} : { port: Number(port) }),
      ...(directory === undefined ? {} : { directory }),
      yarn,
      log: (line) => console.error(line),
    });
    const { endpoint, env, console: link } = account;
    const announcement = { pid: process.pid, endpoint, env, console: link };
    // A parent with a channel may keep standard output in a log, where credentials do not belong.
    if (process.send) process.send(announcement);
    else console.log(JSON.stringify(announcement));
  } catch (error) {
    console.error(error);
    if (process.send) process.send(describeError(error), () => process.exit(1));
    else process.exitCode = 1;
  }
}

/** Stops and exits at SIGINT, at SIGTERM, and when the parent closes the IPC channel without releasing the account. */
function stopWhenAsked(stop: () => Promise<void>): void {
  let isStopping = false;
  const stopOnce = (): void => {
    if (isStopping) return;
    isStopping = true;
    void stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on("SIGINT", stopOnce);
  process.on("SIGTERM", stopOnce);
  if (!process.send) return;
  process.on("disconnect", stopOnce);
  process.once("message", () => {
    process.off("disconnect", stopOnce);
    process.disconnect?.();
  });
}

process.umask(umask);
const args = process.argv.slice(2);
const [first, second] = args.filter((arg) => arg !== "--yarn");
if (first === "find" && second !== undefined) console.log(JSON.stringify(await findRunning(second)));
else if (first === "delete" && second !== undefined) console.log(JSON.stringify(deleteState(second)));
else await run(first, second, args.includes("--yarn"));
