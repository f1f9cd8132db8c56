import { setTimeout as sleep } from "node:timers/promises";
import type { S3Client } from "@aws-sdk/client-s3";
import { oneLine } from "../../shared/bounded-text.ts";
import { lastLines } from "../../shared/root-cause.ts";
import { unzipEnd } from "../../shared/unzip-end.ts";
import { isNamed } from "../aws/errors.ts";
import { listObjects, readBytes, type S3Location, s3UriOf } from "../aws/s3.ts";
import type { Diagnosis } from "../contract/failure.ts";
import { logger } from "../runtime/handler.ts";
import type { Explanation } from "./failure-pattern.ts";

/** How often to look for logs that EMR has not uploaded yet. */
export interface Polling {
  readonly attempts: number;
  readonly pauseMs: number;
}

/** Looks for logs until `look` returns true, or the attempts are used up. */
export async function pollLogs({ attempts, pauseMs }: Polling, look: () => Promise<boolean>): Promise<void> {
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    if (await look()) return;
    if (attempt < attempts) await sleep(pauseMs);
  }
}

/** A log file of EMR. */
export interface Log {
  /** s3:// URI */
  readonly uri: string;
  readonly text: string;
}

/** A log's explanation of the failure; `cause` is undefined if the log does not show one. */
export type LogExplanation = Pick<Diagnosis, "log" | "excerpt" | "section" | "remedy"> & {
  readonly cause: string | undefined;
};

const maxLogFiles = 20;
const maxLogBytes = 20 * 1024 * 1024;
/** Only the end of a longer text is kept: the last error is the relevant one. */
const maxTextBytes = 4 * 1024 * 1024;

/** Reads a log; undefined if it does not exist or cannot be read, because other logs may explain the failure. */
export async function readLog(s3: S3Client, location: S3Location): Promise<Log | undefined> {
  const uri = s3UriOf(location);
  try {
    const isZipped = location.key.endsWith(".gz");
    // The beginning of a zipped file can be unzipped by itself, but its end cannot.
    const content = await readBytes(s3, location, isZipped ? `bytes=0-${maxLogBytes - 1}` : undefined);
    const bytes = isZipped ? await unzipEnd(content, maxTextBytes) : content.subarray(-maxTextBytes);
    return { uri, text: new TextDecoder().decode(bytes) };
  } catch (error) {
    if (!isNamed(error, "NoSuchKey")) logger.warn(`${uri} could not be read`, { error });
    return undefined;
  }
}

/** Reads the logs in a folder whose keys match the pattern, in the order of their keys. */
export async function readLogs(s3: S3Client, folder: S3Location, pattern: RegExp): Promise<readonly Log[]> {
  const files = (await listObjects(s3, folder))
    .filter(({ key, bytes }) => pattern.test(key) && bytes <= maxLogBytes)
    // Container 000001 is the driver's. Its traceback has more details than an executor's.
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .slice(0, maxLogFiles);
  // Read one after the other, because several at once may not fit into the function's memory.
  const logs: Log[] = [];
  for (const { key } of files) {
    const log = await readLog(s3, { bucket: folder.bucket, key });
    if (log) logs.push(log);
  }
  return logs;
}

/** Combines a cause with the log that shows it. */
export function explainedBy({ uri, text }: Log, cause: string | undefined, explanation: Explanation): LogExplanation {
  return {
    cause: cause === undefined ? undefined : oneLine(cause),
    log: uri,
    excerpt: [...lastLines(text)],
    section: explanation.section,
    remedy: explanation.remedy,
  };
}
