import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export interface DirectoryLock {
  release(): void;
}

/** Another process has the lock of the directory but does not answer. */
export class AccountBusy extends Error {
  override readonly name = "AccountBusy";

  constructor(directory: string) {
    super(
      `Another process is starting or stopping the embedded account of ${directory}. Wait a few seconds, then try again.`,
    );
  }
}

/** SQLITE_BUSY of https://www.sqlite.org/rescode.html */
const busy = 5;

/**
 * Takes the lock of an account's directory. It uses SQLite because Node.js cannot lock files; the operating system
 * releases SQLite's lock however the process ends.
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
