// The npm package runs from a copy of itself. Each version leaves such a copy in the folder of the state.
import { readdirSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { isAlive } from "../../shared/os-processes.mjs";
import { hasCode } from "../../shared/system-errors.mjs";

/** After this time, a command of another version has ended, unless it is an account in the background. */
const unusedMs = 24 * 3_600_000;
/** Also matches a copy that was never completed. */
const copyName = /^app-[0-9a-f]{12}(\..+)?$/;

/**
 * Marks a copy as used, and removes those that no command has used for a day. While an account runs, all stay: it may run
 * from any of them.
 * @param {string} state
 * @param {string} copy
 */
export function removeOldCopies(state, copy) {
  const now = new Date();
  utimesSync(copy, now, now);
  if (hasAccount(state)) return;
  for (const name of readdirSync(state)) {
    const path = join(state, name);
    if (!copyName.test(name) || now.getTime() - statSync(path).mtimeMs < unusedMs) continue;
    rmSync(path, { recursive: true, force: true });
  }
}

/** @param {string} state */
function hasAccount(state) {
  try {
    const { pid } = JSON.parse(readFileSync(join(state, "account", "account.json"), "utf8"));
    return isAlive(pid);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR") || error instanceof SyntaxError) return false;
    throw error;
  }
}
