import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { type Unzipped, unzipSync } from "fflate";
import { requestMinistack } from "../ministack/ministack-request.ts";
import type { AccountContext } from "../support/account-context.ts";
import { AwsError } from "../support/aws-error.ts";

interface CodeArchive {
  readonly sha256: string;
  /** The URL that GetFunction returns. */
  readonly location: string;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: a deployment package, unzipped. */
const maxUnzippedBytes = 250 * 1024 * 1024;

/** The time after which unpacked code is removed, because deployments may have replaced it. Code in use is unpacked again. */
const maxAgeDays = 30;

/** Makes the folder of unpacked code if it is missing, and removes old code and its compile cache from it. */
export function removeOldCode(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const ageMs = Date.now() - statSync(path).mtimeMs;
    if (ageMs > maxAgeDays * 24 * 3600 * 1000) rmSync(path, { recursive: true, force: true });
  }
}

/**
 * Unpacks a function's code once per content, below `folder`, and returns its folder.
 * @throws AwsError ServiceException when the archive cannot be read, is too large or has an entry outside its folder
 */
export async function unpackCode(
  context: Pick<AccountContext, "ministack" | "credentials">,
  folder: string,
  { sha256, location }: CodeArchive,
): Promise<string> {
  const target = join(folder, sha256.replaceAll(/[^A-Za-z0-9]/g, "_"));
  if (existsSync(target)) {
    return target;
  }
  const response = await requestMinistack(context, location);
  if (!response.ok) {
    throw new AwsError("ServiceException", `The code of the function cannot be read: ${response.status}`, 500);
  }
  const partial = `${target}.${randomUUID()}`;
  await writeFiles(partial, unzip(new Uint8Array(await response.arrayBuffer())));
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

function unzip(archive: Uint8Array): Unzipped {
  let bytes = 0;
  return unzipSync(archive, {
    filter: ({ originalSize }) => {
      bytes += originalSize;
      if (bytes <= maxUnzippedBytes) return true;
      throw new AwsError("ServiceException", `Unzipped, the code has more than ${maxUnzippedBytes} bytes.`, 400);
    },
  });
}

async function writeFiles(folder: string, files: Unzipped): Promise<void> {
  const outside = Object.keys(files).find((name) => !resolve(folder, name).startsWith(folder + sep));
  if (outside !== undefined) {
    throw new AwsError("ServiceException", `The code has the entry '${outside}', which is outside its folder.`, 400);
  }
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    if (!name.endsWith("/")) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), bytes);
    }
  }
}
