import { execFileSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileSystem } from "aws-cdk-lib";
import { hasCode } from "../shared/system-errors.mjs";

export const root = join(import.meta.dirname, "..");
/** Everything that determines the bundles; bundle.ts refuses to bundle anything else. */
const sources = [
  "lambdas",
  "shared",
  "pages/report",
  "pages/shared",
  "infra/bundle.ts",
  "infra/pages.ts",
  "infra/bundled-packages.ts",
  "package-lock.json",
];
const cache = join(root, ".orchard", "bundles");
const keptMs = 7 * 24 * 3_600_000;
let bundles: string | undefined;

/**
 * Bundles all handlers, unless an earlier process has bundled the same sources.
 *
 * @returns a copy that belongs to this process, with one folder a handler
 */
export function bundleFolder(): string {
  if (bundles) return bundles;
  const folder = mkdtempSync(join(tmpdir(), "orchard-bundles-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  cpSync(cachedBundles(), folder, { recursive: true });
  bundles = folder;
  return folder;
}

function cachedBundles(): string {
  const hash = createHash("sha256");
  for (const source of sources) hash.update(FileSystem.fingerprint(join(root, source)));
  const cached = join(cache, hash.digest("hex"));
  if (existsSync(cached)) return cached;
  removeOldBundles();
  const partial = join(cache, `partial-${randomUUID()}`);
  try {
    execFileSync(process.execPath, [join(root, "infra", "bundle.ts"), partial], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    renameSync(partial, cached);
  } catch (error) {
    // Another process was faster and has bundled the same sources.
    if (!hasCode(error, "ENOTEMPTY", "EEXIST")) throw error;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return cached;
}

/** Every change of a source leaves a folder of 6 MB behind. */
function removeOldBundles(): void {
  mkdirSync(cache, { recursive: true });
  for (const name of readdirSync(cache)) {
    const folder = join(cache, name);
    const isOld = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > keptMs;
    if (isOld) rmSync(folder, { recursive: true, force: true });
  }
}
