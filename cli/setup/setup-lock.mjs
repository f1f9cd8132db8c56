import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "../../shared/os-processes.mjs";
import { interrupted, isStopping } from "./child-processes.mjs";
import { home } from "./setup-paths.mjs";
import { print } from "./setup-progress.mjs";

/** A lock file without a process id is abandoned when it is older than this. */
const emptyLockMs = 5_000;
const retryMs = 200;
const lock = join(home, "setup.lock");

/**
 * Runs `work` while no other process sets up this folder: a second command waits for the first.
 * @param {() => Promise<void>} work
 */
export async function withSetupLock(work) {
  mkdirSync(home, { recursive: true });
  let hasAnnounced = false;
  while (!takeLock()) {
    const owner = removeAbandonedLock();
    if (owner > 0 && !hasAnnounced) {
      hasAnnounced = true;
      print(`Waiting for another setup of this folder (process ${owner})`);
    }
    await sleep(retryMs);
    if (isStopping()) throw interrupted();
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** @returns {boolean} false when another process holds the lock */
function takeLock() {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** @returns {number} id of the process that holds the lock; 0 when the lock was abandoned or has no id yet */
function removeAbandonedLock() {
  const found = statSync(lock, { throwIfNoEntry: false });
  const owner = found ? Number(readFileSync(lock, "utf8")) : 0;
  if (owner > 0 && isAlive(owner)) return owner;
  // A lock without an id belongs to a process that is about to write it, or that was killed before it could.
  const isEmptyAndOld = found && Date.now() - found.mtimeMs > emptyLockMs;
  if (owner > 0 || isEmptyAndOld) rmSync(lock, { force: true });
  return 0;
}
