// Moves many files between this machine and a bucket, and describes the progress.
import pMap from "p-map";
import prettyBytes from "pretty-bytes";
import { formatDuration } from "./format-duration.ts";

const transfersAtOnce = 16;
/** The first files say nothing about the rate. */
const rateSeconds = 2;

export interface TransferProgress {
  readonly files: number;
  readonly totalFiles: number;
  readonly bytes: number;
  readonly totalBytes: number;
}

export interface TransferOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined;
}

/**
 * Transfers files, several at once. The first failure, or an interruption, ends the other transfers before it is thrown,
 * so that none of them goes on in the background.
 *
 * @param transfer moves one file; its signal aborts when another one has failed, too
 * @throws the first failure, or the reason of the interruption
 */
export async function transferAll<File extends { readonly bytes: number }>(
  all: readonly File[],
  transfer: (file: File, signal: AbortSignal) => Promise<void>,
  { signal, onProgress = () => undefined }: TransferOptions,
): Promise<void> {
  const totalBytes = bytesOf(all);
  let [files, bytes] = [0, 0];
  const failures: unknown[] = [];
  const stop = new AbortController();
  const anySignal = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  await pMap(
    all,
    async (file) => {
      if (anySignal.aborted) return;
      try {
        await transfer(file, anySignal);
        files += 1;
        bytes += file.bytes;
        onProgress({ files, totalFiles: all.length, bytes, totalBytes });
      } catch (error) {
        failures.push(error);
        stop.abort();
      }
    },
    { concurrency: transfersAtOnce },
  );
  signal?.throwIfAborted();
  if (failures.length > 0) throw failures[0];
}

export function bytesOf(files: readonly { readonly bytes: number }[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Describes a transfer: `40/300 files · 1.2 MB of 9 MB · 600 kB/s · 13.0 s left`.
 *
 * @param seconds since its start
 */
export function describeTransfer(
  { files, totalFiles, bytes, totalBytes }: TransferProgress,
  seconds: number,
  unit = "files",
): string {
  const parts = [`${files}/${totalFiles} ${unit}`, `${prettyBytes(bytes)} of ${prettyBytes(totalBytes)}`];
  if (seconds < rateSeconds) return parts.join(" · ");
  const rate = bytes / seconds;
  parts.push(`${prettyBytes(rate)}/s`);
  if (rate > 0) parts.push(`${formatDuration((totalBytes - bytes) / rate)} left`);
  return parts.join(" · ");
}
