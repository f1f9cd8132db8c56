import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isAlive } from "../shared/os-processes.mjs";
import { waitUntil } from "../shared/wait-until.ts";
import { lockDirectory } from "./account-lock.ts";
import { writeJson } from "./support/json-file.ts";

/** The content of <directory>/account.json while an account runs. */
export interface RunningAccount {
  readonly pid: number;
  readonly endpoint: string;
  /** Whether its clusters run YARN. Records of earlier versions lack it. */
  readonly yarn?: boolean;
  /** The process that ends MiniStack when the account's process dies. */
  readonly supervisorPid?: number;
}

/** Returns the account of a directory, or undefined when it does not run or does not answer. */
export async function findRunningAccount(directory: string): Promise<RunningAccount | undefined> {
  const record = readRecord(directory);
  if (record === undefined || !isAlive(record.pid)) {
    return undefined;
  }
  try {
    const response = await fetch(`${record.endpoint}/_orchard/health`, { signal: AbortSignal.timeout(2000) });
    const health = (await response.json()) as { readonly pid?: number };
    return health.pid === record.pid ? record : undefined;
  } catch {
    return undefined; // another program has this process id now
  }
}

/** Whether an account of the directory neither answers nor has ended: it is starting, stopping or stuck. */
export function isUnresponsive(directory: string): boolean {
  const { pid } = readRecord(directory) ?? {};
  if (pid === undefined || !isAlive(pid)) return false;
  // Another program may have this process id now, but not the lock.
  const lock = lockDirectory(directory);
  lock?.release();
  return lock === undefined;
}

/** Waits until MiniStack of a killed account has saved its state, because the next one reads it. */
export async function awaitPredecessor(directory: string, timeoutMs: number): Promise<void> {
  const { supervisorPid } = readRecord(directory) ?? {};
  if (supervisorPid !== undefined) {
    await waitUntil(() => !isAlive(supervisorPid), { timeoutMs });
  }
  removeRecord(directory);
}

export function writeRecord(directory: string, record: RunningAccount): void {
  writeJson(recordFile(directory), record);
}

export function removeRecord(directory: string): void {
  rmSync(recordFile(directory), { force: true });
}

function readRecord(directory: string): RunningAccount | undefined {
  try {
    return JSON.parse(readFileSync(recordFile(directory), "utf8"));
  } catch {
    return undefined; // absent or incomplete
  }
}

function recordFile(directory: string): string {
  return join(directory, "account.json");
}
