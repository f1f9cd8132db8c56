import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * What a bootstrap action has made below /opt, for the account's next nodes. The action runs there, too, and finds its
 * work done: installing the same wheels again takes a core ten seconds. Linked, not copied, which needs one file system
 * and files that are replaced rather than changed. The latest action's alone is kept.
 */
export class NodeImage {
  readonly #folder: string;
  readonly #log: (line: string) => void;

  /** @param folder the image's own, of an account */
  constructor(folder: string, log: (line: string) => void) {
    this.#folder = folder;
    this.#log = log;
  }

  /** What an action makes is decided by its script and its arguments. */
  key(script: Uint8Array, args: readonly string[]): string {
    return createHash("sha256").update(script).update(JSON.stringify(args)).digest("hex");
  }

  /** Fills a node's /opt, unless the action has never succeeded. */
  async restore(key: string, opt: string): Promise<void> {
    const image = join(this.#folder, key);
    if (!existsSync(image)) return;
    try {
      await run("cp", ["-al", image, opt]);
    } catch (error) {
      // The action makes it as on the first node.
      this.#log(`emr: ${image} was not used: ${error}`);
      await rm(opt, { recursive: true, force: true });
    }
  }

  /** Keeps a node's /opt, once its action has succeeded. */
  async save(key: string, opt: string): Promise<void> {
    const image = join(this.#folder, key);
    if (existsSync(image) || !existsSync(opt)) return;
    const partial = `${image}.${randomUUID()}`;
    try {
      await mkdir(this.#folder, { recursive: true });
      await run("cp", ["-al", opt, partial]);
      // Others' images, and what a killed account has left of one.
      for (const old of await readdir(this.#folder)) {
        if (old !== basename(partial)) await rm(join(this.#folder, old), { recursive: true, force: true });
      }
      await rename(partial, image);
    } catch (error) {
      this.#log(`emr: ${image} was not made: ${error}`);
    }
  }
}
