import { Readable } from "node:stream";
import { constants, createGunzip } from "node:zlib";

/**
 * Unzips a gzipped text, even if it is truncated, and keeps its end: a small file can hold gigabytes.
 *
 * @throws Error if the content is not gzipped
 */
export async function unzipEnd(content: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH });
  for await (const chunk of Readable.from([content]).pipe(gunzip)) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    while (bytes - (chunks[0]?.length ?? 0) > maxBytes) bytes -= chunks.shift()?.length ?? 0;
  }
  return Buffer.concat(chunks).subarray(-maxBytes);
}
