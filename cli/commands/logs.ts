import { relative } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { red } from "ansis";
import prettyBytes from "pretty-bytes";
import { listObjects, type S3Location, s3UriOf } from "../../lambdas/aws/s3.ts";
import { troubleshootingLink } from "../../lambdas/contract/sections.ts";
import { withoutControls } from "../../shared/bounded-text.ts";
import type { Clients } from "../account/aws-clients.ts";
import { addTargetOptions, openChosenTarget } from "../account/target-options.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { copyObjects } from "../execution/copy-objects.ts";
import {
  clusterLogs,
  clusterOf,
  diagnosisIn,
  findFailedStepLog,
  type LogPart,
  linesAroundCause,
  readLogText,
} from "../execution/failure-log.ts";
import { findRun, runArgument } from "../execution/find-run.ts";
import { type ReadRun, readRun } from "../execution/read-run.ts";
import { renderStatus } from "../execution/render-report.ts";
import type { Report } from "../execution/run-report.ts";
import { NotFound } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { renderColumns, renderFields } from "../terminal/tables.ts";
import { resolveFromUser } from "../toolchain/local-spark.ts";

export const command = addTargetOptions(
  new Command("logs")
    .helpGroup(groups.look)
    .summary("show why a run failed, with the lines around it")
    .description("show the probable cause of a failed run, and the lines around it in the log of the failed step")
    .argument("[run]", runArgument, "latest")
    .option("--full", "print the whole log instead of the lines around the cause", false)
    .option("--download <folder>", "copy all logs of the run's cluster to the folder instead")
    .option("--json", "print one JSON object and nothing else", false)
    .addHelpText("after", "\nExample:\n  orchard logs latest --full | less"),
).action((text, { full, download, json, ...chosen }) =>
  withLifetime(async (lifetime) => {
    const target = await openChosenTarget(chosen);
    const { clients } = target;
    const deployed = await requireDeployment(target);
    const run = await readRun(clients, deployed, await findRun(clients.sfn, deployed.stateMachineArn, text), false);
    const clusterId = clusterOf(run.data, run.report);
    const location = clusterId === undefined ? undefined : clusterLogs(deployed.bucket, clusterId);
    if (download !== undefined) return downloadLogs(lifetime, clients, run, location, { folder: download, json });
    const failure = await readFailure(clients, deployed.bucket, run, clusterId);
    if (full && !json) return printWhole(run, failure);
    const files = location ? await listObjects(clients.s3, location) : [];
    const listed = files.map(({ key, bytes }) => ({ uri: s3UriOf({ bucket: deployed.bucket, key }), bytes }));
    const { runId, status } = run.report;
    if (json) {
      const { cause, state, section, remedy, log } = failure;
      const lines = full ? failure.text?.split("\n") : failure.part?.lines;
      const printed = { runId, status, cause, state, section, remedy, log, lines: lines ?? [], files: listed };
      process.stdout.write(`${JSON.stringify(printed)}\n`);
      return;
    }
    process.stdout.write(`${render(run.report, failure, listed)}\n`);
  }),
);

/** Why a run failed. Each member is null when it is not known, or when the run has not failed. */
interface FailureView {
  readonly cause: string | null;
  readonly state: string | null;
  /** Link to the section of docs/troubleshooting.md. */
  readonly section: string | null;
  readonly remedy: string | null;
  /** s3:// URI of the log that shows the cause. */
  readonly log: string | null;
  readonly text: string | null;
  readonly part: LogPart | null;
}

async function readFailure(
  clients: Clients,
  bucket: string,
  { report: { error }, data }: ReadRun,
  clusterId: string | undefined,
): Promise<FailureView> {
  const nothing = { cause: null, state: null, section: null, remedy: null, log: null, text: null, part: null };
  if (!error) return nothing;
  const { cause, state, section, remedy, log: diagnosed } = diagnosisIn(data) ?? { ...nothing, cause: error.cause };
  const found =
    diagnosed ?? (clusterId === undefined ? undefined : await findFailedStepLog(clients, bucket, clusterId));
  const bytes = found === undefined ? undefined : await readLogText(clients, found);
  const text = bytes === undefined ? null : new TextDecoder().decode(bytes);
  return {
    cause: `${error.name}: ${cause}`,
    state,
    section: section && troubleshootingLink(section),
    remedy,
    log: text === null ? null : (found ?? null),
    text,
    part: text === null ? null : linesAroundCause(text),
  };
}

function printWhole({ report: { runId, status } }: ReadRun, { text, cause }: FailureView): void {
  if (text === null)
    throw new NotFound(
      `The run ${runId} is ${status}, and there is no log of a failed step. ${cause ?? `All logs of its cluster: orchard logs ${runId} --download FOLDER`}`,
    );
  process.stdout.write(text);
}

async function downloadLogs(
  lifetime: Lifetime,
  { s3 }: Clients,
  { report: { runId } }: ReadRun,
  location: S3Location | undefined,
  { folder: given, json }: { readonly folder: string; readonly json: boolean },
): Promise<void> {
  if (!location) throw new NotFound(`The run ${runId} had no cluster, so it has no logs.`);
  const folder = resolveFromUser(given);
  const copied = await copyObjects(s3, location, folder, { signal: lifetime.signal });
  const uri = s3UriOf(location);
  if (copied.files === 0) throw new NotFound(`There are no logs at ${uri} (yet): EMR uploads them every few minutes.`);
  if (json) process.stdout.write(`${JSON.stringify({ runId, uri, folder, ...copied })}\n`);
  else
    process.stdout.write(
      `${copied.files} logs (${prettyBytes(copied.bytes)}) in ${relative(process.cwd(), folder) || "."}\n`,
    );
}

interface LogFile {
  readonly uri: string;
  readonly bytes: number;
}

function render({ runId, status, error }: Report, failure: FailureView, files: readonly LogFile[]): string {
  if (!error) {
    const rows = files.map(({ uri, bytes }) => [prettyBytes(bytes), uri]);
    const list =
      rows.length > 0 ? ["Its cluster's logs:", renderColumns(rows)] : ["It has no logs of a cluster (yet)."];
    return [`${runId} ${renderStatus(status)}, so there is no cause to look for.`, ...list].join("\n");
  }
  const fields = renderFields([
    ["Run", `${runId} ${renderStatus(status)}`],
    ["Cause", red(withoutControls(failure.cause ?? error.cause))],
    ["State", failure.state],
    ["Remedy", failure.remedy],
    ["See", failure.section],
    ["Log", failure.log ?? "no log of a step shows the cause"],
  ]);
  return [fields, ...renderPart(failure.part)].join("\n");
}

function renderPart(part: LogPart | null): readonly string[] {
  if (!part) return [];
  const lines = part.lines.map((line, index) => {
    const text = withoutControls(line);
    return index === part.causeAt ? red(`> ${text}`) : `  ${text}`;
  });
  return ["", ...lines];
}
