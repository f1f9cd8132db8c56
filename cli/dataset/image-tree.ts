import { type Dirent, statSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import pMap from "p-map";
import { UsageError } from "../terminal/command-errors.ts";

const imageExtension = /\.(jpe?g|png)$/i;

export interface LocalFile {
  /** `<split>/<label>/<file>`, which is also the key below the image tree's prefix in the bucket. */
  readonly key: string;
  readonly path: string;
  readonly bytes: number;
}

export interface Dataset {
  readonly folder: string;
  readonly files: readonly LocalFile[];
}

function possibleFolders(entries: readonly Dirent[]): readonly string[] {
  return entries.filter((entry) => !entry.name.startsWith(".") && !entry.isFile()).map(({ name }) => name);
}

async function listSorted(folder: string): Promise<readonly Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/**
 * Lists the images of a tree `<split>/<label>/<image>` by split, label and file name.
 *
 * @throws UsageError when the folder is missing, is not a folder, is empty or has another structure
 */
export async function readDataset(folder: string): Promise<Dataset> {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (!found) throw new UsageError(`The dataset folder ${folder} does not exist.`);
  if (!found.isDirectory()) throw new UsageError(`The dataset ${folder} is not a folder.`);

  const paths: { key: string; path: string }[] = [];
  const shallow: string[] = [];
  const top = await listSorted(folder);
  for (const split of possibleFolders(top)) {
    if (!isFolder(join(folder, split))) continue;
    const inSplit = await listSorted(join(folder, split));
    shallow.push(...inSplit.filter(({ name }) => imageExtension.test(name)).map(({ name }) => `${split}/${name}`));
    for (const label of possibleFolders(inSplit)) {
      if (!isFolder(join(folder, split, label))) continue;
      for (const { name } of await listSorted(join(folder, split, label))) {
        if (imageExtension.test(name)) {
          paths.push({ key: `${split}/${label}/${name}`, path: join(folder, split, label, name) });
        }
      }
    }
  }
  if (paths.length === 0) throw new UsageError(describeMissingImages(folder, top, shallow));
  const files = await pMap(paths, async (file) => ({ ...file, bytes: (await stat(file.path)).size }), {
    concurrency: 32,
  });
  return { folder, files };
}

function describeMissingImages(folder: string, top: readonly Dirent[], shallow: readonly string[]): string {
  const expected = "An image tree is <split>/<label>/<image>, for instance Training/Apple Golden 1/0_100.jpg.";
  const [first] = shallow;
  if (first !== undefined) {
    const parent = resolve(folder, "..");
    return `The dataset ${folder} has images one level too high (${first}). ${expected} If ${basename(resolve(folder))} is a split, pass the folder above it: ${parent}`;
  }
  const problem = top.length === 0 ? "is empty" : "has no .jpg, .jpeg or .png image at the expected depth";
  return `The dataset ${folder} ${problem}. ${expected}`;
}
