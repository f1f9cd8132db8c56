// Processes of the operating system. In plain JavaScript because the setup runs before node_modules exists.
import { hasCode } from "./system-errors.mjs";

/** The terminal and npm both forward one Ctrl-C. A second signal within this time counts as the same key press. */
export const sameSignalMs = 1_000;

/**
 * Whether a process with this id exists, even if it belongs to another user.
 * @param {number} pid
 */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, "EPERM");
  }
}

/**
 * Signals a whole process group; does nothing when the group no longer exists.
 * @param {number} pid the group's leader
 * @param {NodeJS.Signals} signal
 */
export function signalGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}
