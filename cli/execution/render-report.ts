import { join } from "node:path";
import { gray, green, red, yellow } from "ansis";
import { type StateVisit, secondsIn } from "../../lambdas/aws/state-visits.ts";
import { openReportCommand } from "../../lambdas/contract/console-links.ts";
import { describeLeftOut, describeSplits } from "../../lambdas/contract/image-tree.ts";
import { reportFile } from "../../lambdas/contract/s3-layout.ts";
import { seededWarning } from "../../lambdas/contract/seeded-weights.ts";
import { percent, plural } from "../../shared/formatting.ts";
import type { Mail } from "../account/mailbox-subscription.ts";
import { formatDuration } from "../terminal/format-duration.ts";
import { renderFields } from "../terminal/tables.ts";
import type { Report } from "./run-report.ts";

/** Formats a completed state as a line. */
export function renderState(visit: StateVisit): string {
  const retries = visit.retries > 0 ? ` (tried ${visit.retries + 1} times)` : "";
  const mark = visit.failed ? red("✖") : green("✔");
  return `${mark} ${visit.name} ${gray(formatDuration(secondsIn(visit)))}${retries}`;
}

/** Colors an execution's status: green for a success, yellow while it is running, else red. */
export function renderStatus(status: string): string {
  if (status === "SUCCEEDED") return green(status);
  return status === "RUNNING" ? yellow(status) : red(status);
}

function renderCluster({ cluster, kept, status }: Report): string {
  if (kept) {
    const until = `${status === "SUCCEEDED" ? "kept" : "goes on"} until ${kept.until}`;
    return yellow(`${kept.clusterId} ${until}, about ${kept.usdPerHour.toFixed(2)} USD an hour on AWS`);
  }
  if (!cluster) return "none was created";
  return cluster.terminated ? `${cluster.id} ${green(cluster.state)}` : red(`${cluster.id} ${cluster.state}`);
}

function renderResults({ results: { folder, uri, files } }: Report): string | null {
  if (files === 0) return null;
  if (folder !== null) return `${folder}  (${uri})`;
  return files === null ? uri : `${plural(files, "file")} in ${uri}`;
}

/** The page's copy on this machine, or else the command that opens it. */
function renderPage({ page, results: { folder }, runId, executionArn }: Report): string | null {
  if (page === null) return null;
  if (folder !== null) return join(folder, reportFile);
  return openReportCommand(runId, executionArn);
}

/**
 * Formats the report for a terminal.
 *
 * @param noMail line to print when the report has no mail; null prints none
 */
export function renderReport(report: Report, noMail: string | null = yellow("! No notification arrived.")): string {
  const rows: (readonly [string, string | number | null])[] = [];
  const succeeded = report.status === "SUCCEEDED";
  const row = (name: string, value: string | number | null): void => {
    rows.push([name, value]);
  };
  row("Run", `${report.runId} ${renderStatus(report.status)}`);
  if (report.error) {
    row("Cause", red(`${report.error.name}: ${report.error.cause}`));
    row("Log", report.error.log && `${report.error.log.path}  (${report.error.log.uri})`);
  }
  row("Images", report.images?.toLocaleString("en") ?? null);
  row("Splits", describeSplits(report.splits, report.unusedSplits) ?? null);
  row("Labels", report.labels);
  row("Errors", report.errors);
  if (report.reusedRun !== null) row("Nothing new", `the results of ${report.reusedRun} stand`);
  if (report.computed !== null) row("Features", `${report.computed} computed, ${report.reused} reused`);
  row("Precision", report.precision === "float32" ? null : report.precision);
  row("Components", report.components);
  row("Variance kept", report.variance === null ? null : percent(report.variance, 2));
  for (const { name, seconds, failed } of report.states)
    row(name, `${formatDuration(seconds)}${failed ? red(" failed") : ""}`);
  row("Results", renderResults(report));
  row("Report", renderPage(report));
  row("Cluster", renderCluster(report));
  if (report.kept && succeeded) {
    row("Run on it", `orchard start --keep --force --cluster-id ${report.kept.clusterId}`);
    row("End it", "orchard local down, or wait");
  }
  row("Total", formatDuration(report.seconds));
  const warnings = warningsOf(report).map((text) => yellow(`! ${text}`));
  return [renderFields(rows), ...warnings, ...renderMail(report.mail, noMail)].join("\n");
}

/** The warnings that the mail does not have. The mail itself is shown below the report. */
function warningsOf({ leftOut, warnings, weights, mail }: Report): readonly string[] {
  const all = [...leftOut.map(describeLeftOut), ...warnings, ...(weights === "seeded" ? [seededWarning] : [])];
  return [...new Set(all)].filter((text) => !mail?.message.includes(text));
}

function renderMail(mail: Mail | null, noMail: string | null): readonly string[] {
  if (!mail) return noMail === null ? [] : [noMail];
  const lines = [`Subject: ${mail.subject ?? ""}`, "", ...mail.message.trimEnd().split("\n")];
  return ["", gray("The notification, as a subscriber reads it:"), ...lines.map((line) => `${gray("│")} ${line}`)];
}
