import type { S3Client } from "@aws-sdk/client-s3";
import { logLines, rootCause } from "../../shared/root-cause.ts";
import type { S3Location } from "../aws/s3.ts";
import { explainedBy, type Log, type LogExplanation, type Polling, pollLogs, readLogs } from "./log-files.ts";
import { explainLine } from "./step-failures.ts";

export const deployAgain =
  "Deploy again (orchard deploy; on a laptop orchard start): that builds and uploads the wheelhouse";

/**
 * Finds the cause in a bootstrap action's standard error: the script's own statement, with the failing command's message from
 * the line above; otherwise the last command that the shell printed (set -x); otherwise the last line.
 */
function bootstrapCause(text: string): string | undefined {
  const lines = logLines(text).filter((line) => line.trim() !== "");
  const statedAt = lines.findLastIndex((line) => line.startsWith("orchard: error: "));
  const statement = lines[statedAt]?.replace(/^orchard: error: (?:bootstrap: )?/, "");
  const command = lines.findLast((line) => /^\+{1,9} /.test(line))?.replace(/^\+{1,9} /, "");
  const message = (statedAt < 0 ? lines : lines.slice(0, statedAt)).findLast(
    (line) => !/^\+{1,9} |\bexiting\b/i.test(line),
  );
  const detail = message === undefined ? "" : ` (${message.trim()})`;
  if (statement !== undefined) return `${statement}${detail}`;
  if (command !== undefined) return `the command ${command}${detail}`;
  return rootCause(text)?.line ?? message;
}

/** Explains the failure by the last log that shows a cause: the last action that ran is the one that failed. */
function explainLast(logs: readonly Log[]): LogExplanation | undefined {
  for (const log of logs.toReversed()) {
    const cause = bootstrapCause(log.text);
    if (cause === undefined) continue;
    const known = explainLine(log.text, { text: log.text, cluster: undefined });
    return explainedBy(log, `Bootstrap action failed: ${cause}`, {
      section: known?.section ?? "cluster-does-not-start",
      remedy: known?.remedy ?? deployAgain,
    });
  }
  return undefined;
}

/**
 * Explains the failure of a bootstrap action by its log. Waits a limited time for the log.
 *
 * @param instanceId the node that failed; undefined reads the logs of all nodes
 */
export async function explainByBootstrapLogs(
  s3: S3Client,
  clusterLogs: S3Location,
  instanceId: string | undefined,
  polling: Polling,
): Promise<LogExplanation | undefined> {
  const nodes = { ...clusterLogs, key: `${clusterLogs.key}node/${instanceId ?? ""}` };
  let explanation: LogExplanation | undefined;
  await pollLogs(polling, async () => {
    const logs = await readLogs(s3, nodes, /\/bootstrap-actions\/.{1,1000}\/stderr(\.gz)?$/);
    explanation = explainLast(logs);
    return explanation !== undefined;
  });
  return explanation;
}
