import { readFileSync } from "node:fs";

/** The marks with which editors and PowerShell begin a text file. */
const marks: readonly (readonly [encoding: string, bytes: readonly number[]])[] = [
  ["utf-8", [0xef, 0xbb, 0xbf]],
  ["utf-16le", [0xff, 0xfe]],
  ["utf-16be", [0xfe, 0xff]],
];

/** The file's bytes are text of no supported encoding. */
export class NotText extends Error {
  override readonly name = "NotText";
}

/**
 * Reads a text file in UTF-8, or in UTF-16 with its byte order mark, and leaves the mark out.
 *
 * @throws NotText for other encodings; Node's error when the file cannot be read
 */
export function readTextFile(path: string): string {
  const bytes = readFileSync(path);
  const encoding = marks.find(([, mark]) => mark.every((byte, index) => bytes[index] === byte))?.[0] ?? "utf-8";
  if (encoding === "utf-8" && bytes.includes(0)) {
    throw new NotText("it has zero bytes, as UTF-16 without a byte order mark does; save it as UTF-8");
  }
  try {
    // The decoder leaves out the mark.
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    throw error instanceof TypeError
      ? new NotText(`it is not valid ${encoding.toUpperCase()}; save it as UTF-8`)
      : error;
  }
}
