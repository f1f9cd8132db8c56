import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export interface DirectoryLock {
  release(): void;
}

/** SQLITE_BUSY of https://www.sqlite.org/rescode.html */
const busy = 5;

/**
 * Takes the lock of an account's directory. SQLite locks its file by the operating system, which releases the lock when
 * the process ends in any way; Node.js has no lock of files of its own.
 *
 * @returns undefined when another account has the lock
 */
export function lockDirectory(directory: string): DirectoryLock | undefined {
  const database = new DatabaseSync(join(directory, "account.lock"));
  try {
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (error instanceof Error && "errcode" in error && error.errcode === busy) return undefined;
    throw error;
  }
  return { release: () => database.isOpen && database.close() };
}
