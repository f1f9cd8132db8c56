import { isUtf8 } from "node:buffer";
import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import type { LeftOutReason } from "../../lambdas/contract/image-tree.ts";
import { isSystemError } from "../../shared/system-errors.mjs";

/** Links to folders are followed down to the label folders, because a folder below them has no image of the tree. */
const deepestLink = 2;

export interface FoundFile {
  /** Names from the root of the tree, separated by slashes. */
  readonly key: string;
  /** As bytes, because names need not be UTF-8. */
  readonly path: Buffer;
}

export interface Found {
  readonly files: readonly FoundFile[];
  /** Entries that cannot be read, and links to folders that are not followed. */
  readonly leftOut: readonly { readonly key: string; readonly reason: LeftOutReason }[];
}

interface Folder extends FoundFile {
  /** Real paths of the folder and of those above it. */
  readonly realPaths: readonly string[];
}

/** Decodes a name. A byte that is not UTF-8 becomes a lone surrogate, \udc80 to \udcff, as in Python. */
function decodeName(name: Buffer): string {
  if (isUtf8(name)) return name.toString("utf8");
  return Array.from(name, (byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join("");
}

type Kind = "file" | "folder" | "linked folder" | "unreadable";

async function kindOf(entry: Dirent<Buffer>, path: Buffer): Promise<Kind> {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  if (!entry.isSymbolicLink()) return "unreadable";
  try {
    const target = await stat(path);
    if (target.isDirectory()) return "linked folder";
    return target.isFile() ? "file" : "unreadable";
  } catch (error) {
    // The link leads nowhere, in a circle, or to a place that may not be read.
    if (isSystemError(error)) return "unreadable";
    throw error;
  }
}

async function listEntries(folder: Folder): Promise<readonly Dirent<Buffer>[] | undefined> {
  try {
    const entries = await readdir(folder.path, { withFileTypes: true, encoding: "buffer" });
    return entries.sort((a, b) => Buffer.compare(a.name, b.name));
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** Finds all files below a folder, in the order of the bytes of their names. */
export async function walkFolder(root: string): Promise<Found> {
  const files: FoundFile[] = [];
  const leftOut: { key: string; reason: LeftOutReason }[] = [];

  async function follow(key: string, path: Buffer, { realPaths }: Folder): Promise<void> {
    const target = await realpath(path);
    if (realPaths.includes(target)) leftOut.push({ key, reason: "unreadable" });
    else if (key.split("/").length > deepestLink) leftOut.push({ key, reason: "deep" });
    else await walk({ key, path, realPaths: [...realPaths, target] });
  }

  async function walk(folder: Folder): Promise<void> {
    const entries = await listEntries(folder);
    if (!entries) leftOut.push({ key: folder.key || ".", reason: "unreadable" });
    for (const entry of entries ?? []) {
      const path = Buffer.concat([folder.path, Buffer.from("/"), entry.name]);
      const name = decodeName(entry.name);
      const key = folder.key === "" ? name : `${folder.key}/${name}`;
      const kind = await kindOf(entry, path);
      if (kind === "file") files.push({ key, path });
      else if (kind === "unreadable") leftOut.push({ key, reason: "unreadable" });
      else if (kind === "linked folder") await follow(key, path, folder);
      else await walk({ key, path, realPaths: [...folder.realPaths, await realpath(path)] });
    }
  }

  await walk({ key: "", path: Buffer.from(root), realPaths: [await realpath(root)] });
  return { files, leftOut };
}
