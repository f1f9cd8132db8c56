import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

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

  /** Saves a node's /opt after its action has succeeded. */
  async save(key: string, opt: string): Promise<void> {
    const image = join(this.#folder, key);
    if (existsSync(image) || !existsSync(opt)) return;
    const partial = `${image}.${randomUUID()}`;
    try {
      await mkdir(this.#folder, { recursive: true });
      await run("cp", ["-al", opt, partial]);
      // Remove older images, and the unfinished image of a killed account.
      for (const old of await readdir(this.#folder)) {
        if (old !== basename(partial)) await rm(join(this.#folder, old), { recursive: true, force: true });
      }
      await rename(partial, image);
    } catch (error) {
      this.#log(`emr: the node image ${image} was not saved: ${error}`);
    }
  }
}
