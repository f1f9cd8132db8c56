import { open } from "node:fs/promises";

/** Reads the end of a file, because the whole file may exceed the longest possible string. */
export async function readTail(file: string, maxBytes: number): Promise<string> {
  const handle = await open(file);
  try {
    const position = Math.max(0, (await handle.stat()).size - maxBytes);
    const { buffer: bytes, bytesRead } = await handle.read({ buffer: Buffer.alloc(maxBytes), position });
    return bytes.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}
