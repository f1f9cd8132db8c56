import { renameSync, writeFileSync } from "node:fs";

/** Writes a file that several workers may write and read at the same time. None of them reads half of it. */
export function writeAtomically(path: string, content: string): void {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}
