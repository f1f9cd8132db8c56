import { existsSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { errorText } from "../support/aws-error.ts";

/**
 * Puts MiniStack's saved state and its S3 objects aside when a file of the state cannot be read. Losing only one
 * service would make the next deployment fail, for instance because a bucket exists but its stack does not.
 *
 * @param folder MiniStack's folder, with `state` and `s3`
 */
export function setUnreadableStateAside(folder: string, log: (line: string) => void): void {
  const state = join(folder, "state");
  const files = existsSync(state) ? readdirSync(state).filter((name) => name.endsWith(".json")) : [];
  const reasons = files.map((name) => unreadable(join(state, name))).filter((reason) => reason !== undefined);
  if (reasons.length === 0) return;
  const suffix = `.unreadable-${Date.now()}`;
  for (const part of [state, join(folder, "s3")]) {
    if (existsSync(part)) renameSync(part, part + suffix);
  }
  log(`MiniStack's state cannot be read, so the account starts empty: ${reasons.join("; ")}. Copy: ${state}${suffix}.`);
}

function unreadable(file: string): string | undefined {
  try {
    JSON.parse(readFileSync(file, "utf8"));
    return undefined;
  } catch (error) {
    return `${file}: ${errorText(error)}`;
  }
}
