import { existsSync } from "node:fs";
import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { planFile } from "../../lambdas/contract/s3-layout.ts";
import { isSystemError } from "../../shared/system-errors.mjs";
import { CommandFailed } from "../terminal/command-errors.ts";
import { fromPerson, places } from "../toolchain/places.ts";

/** A folder on this machine that Orchard has written and that can be made again. */
export interface LocalFolder {
  readonly path: string;
  readonly files: number;
  readonly bytes: number;
  /** When its newest file was written. */
  readonly modifiedAt: Date;
}

/**
 * Finds the copies of results in the folder in which the person is, and the CDK's output. It leaves out the embedded
 * account and the tools.
 *
 * @param before finds only folders in which nothing was written after this time
 */
export async function findLocalFolders(before: Date | undefined): Promise<readonly LocalFolder[]> {
  const copies = (await foldersIn(fromPerson("results"))).filter((path) => existsSync(join(path, planFile)));
  const folders = await Promise.all([...copies, ...(await foldersIn(places.assemblies))].map(measure));
  return folders.filter(({ modifiedAt }) => before === undefined || modifiedAt < before);
}

/** The folders directly in a folder; none if it does not exist. A link is not followed. */
async function foldersIn(folder: string): Promise<readonly string[]> {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
}

async function measure(path: string): Promise<LocalFolder> {
  let [files, bytes, newest] = [0, 0, (await lstat(path)).mtimeMs];
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    if (entry.isDirectory()) continue;
    const { size, mtimeMs } = await lstat(join(entry.parentPath, entry.name));
    files += 1;
    bytes += size;
    newest = Math.max(newest, mtimeMs);
  }
  return { path, files, bytes, modifiedAt: new Date(newest) };
}

/** @throws CommandFailed when a folder cannot be deleted, or is still there */
export async function deleteLocalFolders(folders: readonly LocalFolder[]): Promise<void> {
  for (const { path } of folders) {
    try {
      await rm(path, { recursive: true, force: true });
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw new CommandFailed(`${path} cannot be deleted: ${error.message}`);
    }
  }
  const left = folders.filter(({ path }) => existsSync(path));
  if (left.length > 0)
    throw new CommandFailed(`These folders are still there: ${left.map(({ path }) => path).join(", ")}`);
}
