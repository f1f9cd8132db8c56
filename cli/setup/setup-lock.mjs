import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode } from "../../shared/system-errors.mjs";
import { interrupted, isStopping } from "./child-processes.mjs";
import { home } from "./setup-paths.mjs";
import { print } from "./setup-progress.mjs";

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
    if (owner !== undefined && !hasAnnounced) {
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

/**
 * Takes the lock by linking a complete file, because other processes could see a new file while it is still empty.
 * @returns {boolean} false when another process holds the lock
 */
function takeLock() {
  const mine = `${lock}.${process.pid}`;
  writeFileSync(mine, `${process.pid} ${startOf(process.pid)}`);
  try {
    linkSync(mine, lock);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  } finally {
    rmSync(mine);
  }
}

/** @returns {string | undefined} id of the process that holds the lock; undefined when it was abandoned or released */
function removeAbandonedLock() {
  const found = readText(lock);
  if (found === undefined) return undefined;
  const [, owner = "", start] = /^(\d+) (.+)$/.exec(found) ?? [];
  if (owner !== "" && startOf(Number(owner)) === start) return owner;
  // If several processes have read the same abandoned lock, only one of them succeeds in renaming it.
  const aside = `${lock}.abandoned.${process.pid}`;
  try {
    renameSync(lock, aside);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
  // Another process may have removed the abandoned lock and taken a new one since it was read.
  if (readText(aside) === found) rmSync(aside);
  else renameSync(aside, lock);
  return undefined;
}

/**
 * The time when a process started, which tells it from a later process with the same id.
 * @param {number} pid
 * @returns {string} empty when there is no such process
 */
function startOf(pid) {
  if (process.platform !== "linux") return startByPs(pid);
  // proc_pid_stat(5): field 22, in clock ticks since the boot. The second field, a name in parentheses, may have spaces.
  const stat = readText(`/proc/${pid}/stat`);
  const ticks = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return ticks === undefined ? "" : `${readText("/proc/sys/kernel/random/boot_id")?.trim()}/${ticks}`;
}

/** @param {number} pid */
function startByPs(pid) {
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
  } catch (error) {
    // ps ends with 1 when there is no such process.
    if (error instanceof Error && "status" in error && error.status === 1) return "";
    throw error;
  }
}

/** @param {string} file @returns {string | undefined} undefined when there is no such file */
function readText(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    // The kernel answers ESRCH for the files of a process that has just ended.
    if (hasCode(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
}
