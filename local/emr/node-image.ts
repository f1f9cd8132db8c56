import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { hasCode } from "../../shared/system-errors.mjs";

const run = promisify(execFile);

/** Saving an image takes seconds. An unfinished one of this age was left by an account that was killed. */
const unfinishedMs = 3_600_000;

/**
 * Keeps the /opt that a bootstrap action has filled, for the account's next nodes. The action still runs there, but
 * saves ten seconds because it finds its wheels installed. Images are made of hard links, so they must be on the nodes'
 * file system, and files in them must be replaced instead of modified. Only the image of the latest action is kept.
 */
export class NodeImage {
  readonly #folder: string;
  readonly #log: (line: string) => void;

  /** @param folder the folder of the account's images */
  constructor(folder: string, log: (line: string) => void) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Derives the key of an image from the script and the arguments of its action. */
  key(script: Uint8Array, args: readonly string[]): string {
    return createHash("sha256").update(script).update(JSON.stringify(args)).digest("hex");
  }

  /** Fills a node's /opt if the action has succeeded before. */
  async restore(key: string, opt: string): Promise<void> {
    const image = join(this.#folder, key);
    if (!existsSync(image)) return;
    try {
      await run("cp", ["-al", image, opt]);
    } catch (error) {
      // Without the image the action installs everything, as on the first node.
      this.#log(`emr: the node image ${image} was not restored: ${error}`);
      await rm(opt, { recursive: true, force: true });
    }
  }

  /** Saves a node's /opt after its action has succeeded. Other nodes, also of other accounts, may do so at the same time. */
  async save(key: string, opt: string): Promise<void> {
    const image = join(this.#folder, key);
    if (existsSync(image) || !existsSync(opt)) return;
    const partial = unfinished(image);
    try {
      await mkdir(this.#folder, { recursive: true });
      await run("cp", ["-al", opt, partial]);
      await renameUnless(["ENOTEMPTY", "EEXIST"], partial, image);
      for (const name of await readdir(this.#folder)) if (name !== key) await removeUnused(join(this.#folder, name));
    } catch (error) {
      this.#log(`emr: the node image ${image} was not saved: ${error}`);
    }
    await rm(partial, { recursive: true, force: true });
  }
}

/** Returns a path for an image that is being saved or removed. */
function unfinished(image: string): string {
  return `${image}.${randomUUID()}`;
}

/** Removes an older image, or an unfinished one of a killed account. A younger one belongs to another node. */
async function removeUnused(path: string): Promise<void> {
  const isUnfinished = basename(path).includes(".");
  if (isUnfinished && Date.now() - changedMs(path) < unfinishedMs) return;
  // A node that copies the image must fail, and not get the files that are left.
  const removed = unfinished(path);
  await renameUnless(["ENOENT"], path, removed);
  await rm(removed, { recursive: true, force: true });
}

/** Returns when a file was changed last, in milliseconds since 1970; 0 if another node has removed it. */
function changedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0;
}

/** Renames a folder. Does nothing on an error with one of the codes: another node was faster. */
async function renameUnless(codes: readonly string[], path: string, target: string): Promise<void> {
  try {
    await rename(path, target);
  } catch (error) {
    if (!hasCode(error, ...codes)) throw error;
  }
}
