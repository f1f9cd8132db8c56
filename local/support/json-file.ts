import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { errorText, isObject } from "./aws-error.ts";

/**
 * Writes a JSON file and creates its folder. Flush and rename keep an earlier file whole when the disk is full, when the
 * process is killed and when the power fails.
 */
export function writeJson(file: string, value: unknown): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(value, null, 1), { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}

/**
 * Reads a JSON file that must be an object with the text `key`. Another file is renamed and logged, because one
 * unreadable record must not keep the account from starting.
 *
 * @returns undefined for an unreadable file
 */
export function readJson<T extends object>(
  file: string,
  key: keyof T & string,
  log: (line: string) => void,
): T | undefined {
  let reason = `it has no "${key}"`;
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (isObject(value) && typeof value[key] === "string") return value as T;
  } catch (error) {
    reason = errorText(error);
  }
  const copy = `${file}.unreadable`;
  renameSync(file, copy);
  log(`${file} cannot be read and is left out (${reason}). It is kept as ${copy}.`);
  return undefined;
}
