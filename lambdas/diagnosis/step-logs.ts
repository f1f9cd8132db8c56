import type { S3Client } from "@aws-sdk/client-s3";
import { isVague, type RootCause, rootCause } from "../../shared/root-cause.ts";
import type { S3Location } from "../aws/s3.ts";
import type { ClusterPlan } from "../contract/cluster-plan.ts";
import type { Explanation } from "./failure-pattern.ts";
import { explainedBy, type Log, type LogExplanation, type Polling, pollLogs, readLog, readLogs } from "./log-files.ts";
import { explainFatal, explainLine } from "./step-failures.ts";

const waitForContainerLogs =
  "The logs do not show the cause yet. The containers' logs arrive within five minutes, next to this log's folder";

type LogCause = RootCause & { readonly log: Log };

/** Prefers the job's own statement, then the first cause that is not vague, then the first of all. */
function chooseCause(causes: readonly LogCause[]): LogCause | undefined {
  return (
    causes.find(({ isStated, line }) => isStated && !isVague(line)) ??
    causes.find(({ line }) => !isVague(line)) ??
    causes[0]
  );
}

/**
 * Explains a step's failure: by its innermost exception, if a pattern knows it; by a fatal pattern anywhere in the logs,
 * if the exception is vague; otherwise by the exception as it is.
 *
 * @param logs the most informative first
 */
function explainByLogs(logs: readonly Log[], cluster: ClusterPlan | undefined): LogExplanation | undefined {
  const causes = logs.flatMap((log) => {
    const cause = rootCause(log.text);
    return cause ? [{ log, ...cause }] : [];
  });
  const best = chooseCause(causes);
  const isUnclear = best === undefined || isVague(best.line);
  // One log may have the traceback of an exception, and another only its message from Java.
  const origin = best?.place ?? causes.find(({ line, place }) => line === best?.line && place !== null)?.place;
  const place = origin ? ` (${origin})` : "";
  const known = best && explainLine(best.line, { text: best.log.text, cluster });
  if (best && known) return explainedBy(best.log, `${known.cause ?? best.line}${place}`, known);
  if (isUnclear) {
    for (const log of logs) {
      const fatal = explainFatal({ text: log.text, cluster });
      if (fatal) return explainedBy(log, `${fatal.cause ?? best?.line}${place}`, fatal);
    }
  }
  const unknown: Explanation = { section: "job-fails", remedy: isUnclear ? waitForContainerLogs : null };
  if (best) return explainedBy(best.log, `${best.line}${place}`, unknown);
  return logs[0] && explainedBy(logs[0], undefined, unknown);
}

function applicationIn(text: string): string | undefined {
  return /application_\d{1,20}_\d{1,12}/.exec(text)?.[0];
}

/**
 * Chooses the containers of the step when the YARN client's log, which names its application, is missing. Applications
 * run one after the other, so the last one is the step's, provided that every step has one.
 */
function containersOfLastApplication(containers: readonly Log[], stepCount: number): readonly Log[] {
  const applications = new Set(containers.map(({ uri }) => applicationIn(uri)));
  const last = applications.size >= stepCount ? [...applications].at(-1) : undefined;
  return containers.filter(({ uri }) => applicationIn(uri) === last);
}

interface Step {
  readonly id: string;
  /** Number of steps that the cluster has run. */
  readonly count: number;
}

interface StepLogs {
  /** The most informative first. */
  readonly logs: readonly Log[];
  readonly isComplete: boolean;
}

/** Reads the logs of a step and, in cluster deploy mode, of its application's containers. */
async function fetchStepLogs(s3: S3Client, clusterLogs: S3Location, { id, count }: Step): Promise<StepLogs> {
  const at = (path: string): S3Location => ({ ...clusterLogs, key: `${clusterLogs.key}${path}` });
  const [stdout, stderr, controller] = await Promise.all(
    ["stdout", "stderr", "controller"].map((name) => readLog(s3, at(`steps/${id}/${name}.gz`))),
  );
  const application = stderr && applicationIn(stderr.text);
  const found =
    application === undefined
      ? await readLogs(s3, at("containers/"), /_000001\/std(err|out)\.gz$/)
      : await readLogs(s3, at(`containers/${application}/`), /\/std(err|out)\.gz$/);
  const guessed = stderr === undefined ? containersOfLastApplication(found, count) : [];
  const containers = application === undefined ? guessed : found;
  // The YARN client's exception only says that the application failed, so the containers come first.
  const logs = [...containers, stderr, stdout, controller].filter((log) => log !== undefined);
  // The job's traceback is in the driver's standard output, which may arrive after other containers' logs.
  const hasDriver = found.some(({ uri }) => /_000001\/stdout\.gz$/.test(uri));
  return { logs, isComplete: stderr !== undefined && (application === undefined || hasDriver) };
}

/** Explains a step's failure by its logs. Waits a limited time for them, and then uses those that exist. */
export async function explainByStepLogs(
  s3: S3Client,
  clusterLogs: S3Location,
  step: Step,
  polling: Polling,
  cluster: ClusterPlan | undefined,
): Promise<LogExplanation | undefined> {
  let best: LogExplanation | undefined;
  await pollLogs(polling, async () => {
    const { logs, isComplete } = await fetchStepLogs(s3, clusterLogs, step);
    best = explainByLogs(logs, cluster) ?? best;
    return isComplete;
  });
  return best;
}
