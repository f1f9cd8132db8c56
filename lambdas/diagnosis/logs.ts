import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { constants, createGunzip } from "node:zlib";
import type { S3Client } from "@aws-sdk/client-s3";
import { isNamed } from "../aws/errors.ts";
import { listObjects, readBytes, type S3Location } from "../aws/s3.ts";
import type { ClusterPlan } from "../contract/cluster-plan.ts";
import type { Diagnosis } from "../contract/failure.ts";
import { logger } from "../runtime/handler.ts";
import type { Explanation } from "./failure-pattern.ts";
import { isVague, lastLines, oneLine, rootCause } from "./root-cause.ts";
import { readLine, readLog } from "./step-failures.ts";

/** How often to look for logs that are not there yet. */
export interface Patience {
  readonly attempts: number;
  readonly pauseMs: number;
}

const maxLogFiles = 20;
const maxLogBytes = 20 * 1024 * 1024;
/** Of a log's text its end is kept: what went wrong last. */
const maxTextBytes = 4 * 1024 * 1024;

interface Log {
  readonly address: string;
  readonly text: string;
}

/** The end of a gzipped text; that of a file that was cut short, too. */
async function unzip(content: Uint8Array): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH });
  for await (const chunk of Readable.from([content]).pipe(gunzip)) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    while (bytes - (chunks[0]?.length ?? 0) > maxTextBytes) bytes -= chunks.shift()?.length ?? 0;
  }
  return Buffer.concat(chunks);
}

/** A log that is not there yet, or that cannot be read, is none: there are others. */
async function fetchLog(s3: S3Client, { bucket, key }: S3Location): Promise<Log | undefined> {
  const address = `s3://${bucket}/${key}`;
  try {
    const content = await readBytes(s3, { bucket, key });
    const bytes = key.endsWith(".gz") ? await unzip(content) : content;
    return { address, text: new TextDecoder().decode(bytes) };
  } catch (error) {
    if (!isNamed(error, "NoSuchKey")) logger.warn(`${address} could not be read`, { error });
    return undefined;
  }
}

async function fetchLogs(s3: S3Client, folder: S3Location, wanted: RegExp): Promise<readonly Log[]> {
  const files = (await listObjects(s3, folder))
    .filter(({ key, bytes }) => wanted.test(key) && bytes <= maxLogBytes)
    // Container 000001 is the driver's, and its traceback says more than an executor's.
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .slice(0, maxLogFiles);
  // One after the other: several at once may not fit into the function's memory.
  const logs: Log[] = [];
  for (const { key } of files) {
    const log = await fetchLog(s3, { bucket: folder.bucket, key });
    if (log) logs.push(log);
  }
  return logs;
}

/** What the logs tell; without a cause, they were there and told nothing. */
export type Found = Pick<Diagnosis, "log" | "excerpt" | "section" | "remedy"> & { readonly cause: string | undefined };

function found({ address, text }: Log, cause: string | undefined, reading: Explanation): Found {
  return {
    cause: cause === undefined ? undefined : oneLine(cause),
    log: address,
    excerpt: [...lastLines(text)],
    section: reading.section,
    remedy: reading.remedy,
  };
}

const readContainers =
  "The logs tell no cause yet. The containers' arrive within five minutes, beside the log's folder";

/**
 * Reads the logs as a person would: the innermost exception first; where it says nothing, whatever is fatal wherever it
 * stands; else the exception as it is.
 *
 * @param logs the most telling first
 */
function explain(logs: readonly Log[], cluster: ClusterPlan | undefined): Found | undefined {
  const causes = logs.flatMap((log) => {
    const cause = rootCause(log.text);
    return cause ? [{ log, ...cause }] : [];
  });
  const best =
    causes.find(({ isStated, line }) => isStated && !isVague(line)) ??
    causes.find(({ line }) => !isVague(line)) ??
    causes[0];
  // Of the same exception one log has the traceback, and another only Java's words.
  const from = best?.place ?? causes.find(({ line, place }) => line === best?.line && place !== null)?.place;
  const place = from ? ` (${from})` : "";
  const reading = best && readLine(best.line, { text: best.log.text, cluster });
  if (best && reading) return found(best.log, `${reading.says ?? best.line}${place}`, reading);
  if (!best || isVague(best.line)) {
    for (const log of logs) {
      const fatal = readLog({ text: log.text, cluster });
      if (fatal) return found(log, `${fatal.says ?? best?.line}${place}`, fatal);
    }
  }
  const jobFails: Explanation = { section: "job-fails", remedy: !best || isVague(best.line) ? readContainers : null };
  if (best) return found(best.log, `${best.line}${place}`, jobFails);
  return logs[0] && found(logs[0], undefined, jobFails);
}

function applicationIn(text: string): string | undefined {
  return /application_\d+_\d+/.exec(text)?.[0];
}

/** The logs of a step, and in cluster deploy mode of its application's containers, the most telling first. */
async function fetchStepLogs(
  s3: S3Client,
  clusterLogs: S3Location,
  stepId: string,
  stepCount: number,
): Promise<{ readonly logs: readonly Log[]; readonly isComplete: boolean }> {
  const under = (path: string): S3Location => ({ ...clusterLogs, key: `${clusterLogs.key}${path}` });
  const [stdout, stderr, controller] = await Promise.all(
    ["stdout", "stderr", "controller"].map((name) => fetchLog(s3, under(`steps/${stepId}/${name}.gz`))),
  );
  const application = stderr && applicationIn(stderr.text);
  const containers =
    application === undefined
      ? await fetchLogs(s3, under("containers/"), /_000001\/std(err|out)\.gz$/)
      : await fetchLogs(s3, under(`containers/${application}/`), /\/std(err|out)\.gz$/);
  // Without the client's word on which application is the step's: one runs after the other, so the last one is, when
  // every step has its own.
  const applications = new Set(containers.map(({ address }) => applicationIn(address)));
  const last = applications.size >= stepCount ? [...applications].at(-1) : undefined;
  const guessed = containers.filter(({ address }) => stderr === undefined && applicationIn(address) === last);
  const inContainers = application === undefined ? guessed : containers;
  // The YARN client's own exception says only that the application failed: the containers come first.
  const logs = [...inContainers, stderr, stdout, controller].filter((log) => log !== undefined);
  // The traceback of a job is in its driver's standard output; other containers' logs may come before.
  const hasDriver = containers.some(({ address }) => /_000001\/stdout\.gz$/.test(address));
  return { logs, isComplete: stderr !== undefined && (application === undefined || hasDriver) };
}

/** Waits for the logs of a step within bounds, and takes what is there at the end. */
export async function readStepLogs(
  s3: S3Client,
  clusterLogs: S3Location,
  step: { readonly id: string; readonly count: number },
  { attempts, pauseMs }: Patience,
  cluster: ClusterPlan | undefined,
): Promise<Found | undefined> {
  let best: Found | undefined;
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const { logs, isComplete } = await fetchStepLogs(s3, clusterLogs, step.id, step.count);
    best = explain(logs, cluster) ?? best;
    if (isComplete) break;
    if (attempt < attempts) await sleep(pauseMs);
  }
  return best;
}

/**
 * What a bootstrap action's standard error says: the script's own statement with what the failing command said
 * before it; else the last command that the shell showed (set -x); else the last line.
 */
function bootstrapCause(text: string): string | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const stated = lines.findLastIndex((line) => line.startsWith("orchard: error: "));
  const command = lines.findLast((line) => /^\++ /.test(line))?.replace(/^\++ /, "");
  const said = (stated < 0 ? lines : lines.slice(0, stated)).findLast((line) => !/^\++ |\bexiting\b/i.test(line));
  const statement = lines[stated]?.replace(/^orchard: error: (?:bootstrap: )?/, "");
  if (statement !== undefined) return `${statement}${said === undefined ? "" : ` (${said.trim()})`}`;
  if (command !== undefined) return `the command ${command}${said === undefined ? "" : ` (${said.trim()})`}`;
  return rootCause(text)?.line ?? said;
}

export const deployAgain =
  "Deploy again (npm run deploy; on a laptop npm start): that makes and uploads the wheelhouse";

export async function readBootstrapLogs(
  s3: S3Client,
  clusterLogs: S3Location,
  instanceId: string | undefined,
  { attempts, pauseMs }: Patience,
): Promise<Found | undefined> {
  const nodes = { ...clusterLogs, key: `${clusterLogs.key}node/${instanceId ?? ""}` };
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const logs = await fetchLogs(s3, nodes, /\/bootstrap-actions\/.*\/stderr(\.gz)?$/);
    for (const log of logs.toReversed()) {
      const cause = bootstrapCause(log.text);
      if (cause === undefined) continue;
      const reading = readLine(log.text, { text: log.text, cluster: undefined });
      return found(log, `Bootstrap action failed: ${cause}`, {
        section: reading?.section ?? "cluster-does-not-start",
        remedy: reading?.remedy ?? deployAgain,
      });
    }
    if (attempt < attempts) await sleep(pauseMs);
  }
  return undefined;
}
