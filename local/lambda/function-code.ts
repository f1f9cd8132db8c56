import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { AwsError } from "../support/aws-error.ts";

interface CodeArchive {
  readonly sha256: string;
  /** The URL that GetFunction returns. */
  readonly location: string;
  readonly ministack: string;
}

/**
 * Unpacks a function's code once per content, below `folder`, and returns its folder.
 * @throws AwsError ServiceException when the archive cannot be read
 */
export async function unpackCode(folder: string, { sha256, location, ministack }: CodeArchive): Promise<string> {
  const target = join(folder, sha256.replaceAll(/[^A-Za-z0-9]/g, "_"));
  if (existsSync(target)) {
    return target;
  }
  // The URL has the host name that MiniStack assumes for itself, so only its path is used.
  const { pathname, search } = new URL(location);
  const response = await fetch(new URL(pathname + search, ministack));
  if (!response.ok) {
    throw new AwsError("ServiceException", `The code of the function cannot be read: ${response.status}`, 500);
  }
  const partial = `${target}.${randomUUID()}`;
  for (const [name, bytes] of Object.entries(unzipSync(new Uint8Array(await response.arrayBuffer())))) {
    if (!name.endsWith("/")) {
      await mkdir(dirname(join(partial, name)), { recursive: true });
      await writeFile(join(partial, name), bytes);
    }
  }
  // The rename prevents a half-written folder. It fails when another invocation was faster.
  try {
    await rename(partial, target);
  } catch (error) {
    if (!existsSync(target)) {
      throw error;
    }
    await rm(partial, { recursive: true });
  }
  return target;
}
