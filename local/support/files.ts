import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Writes a file as JSON, with its folder; whoever reads it, also after a SIGKILL, finds the old content or the new. */
export function writeJson(file: string, value: unknown): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(value, null, 1));
  renameSync(`${file}.new`, file);
}
