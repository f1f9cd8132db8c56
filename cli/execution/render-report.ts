import { gray, green, red, yellow } from "ansis";
import Table from "cli-table3";
import { describeLeftOut, describeSplits } from "../../lambdas/contract/image-tree.ts";
import { percent } from "../../shared/formatting.ts";
import type { Mail } from "../account/mailbox-subscription.ts";
import { formatDuration } from "../terminal/format-duration.ts";
import { seededWarning } from "../toolchain/model-info.ts";
import type { Report } from "./run-report.ts";
import { type StateVisit, secondsIn } from "./state-visits.ts";

/** Formats a completed state as a line. */
export function renderState(visit: StateVisit): string {
  const retries = visit.retries > 0 ? ` (tried ${visit.retries + 1} times)` : "";
  const mark = visit.failed ? red("✖") : green("✔");
  return `${mark} ${visit.name} ${gray(formatDuration(secondsIn(visit)))}${retries}`;
}

function renderCluster({ cluster, kept, status }: Report): string {
  if (kept) {
    const until = `${status === "SUCCEEDED" ? "kept" : "goes on"} until ${kept.until}`;
    return yellow(`${kept.clusterId} ${until}, about ${kept.usdPerHour.toFixed(2)} USD an hour on AWS`);
  }
  if (!cluster) return "none was created";
  return cluster.terminated ? `${cluster.id} ${green(cluster.state)}` : red(`${cluster.id} ${cluster.state}`);
}

/**
 * Formats the report for a terminal.
 *
 * @param noMail line to print when the report has no mail
 */
export function renderReport(report: Report, noMail = yellow("! No notification arrived.")): string {
  const table = new Table({ style: { head: [], border: [] }, chars: noBorders });
  const succeeded = report.status === "SUCCEEDED";
  const row = (name: string, value: string | number | null): void => {
    if (value !== null) table.push([gray(name), String(value)]);
  };
  row("Run", `${report.runId} ${succeeded ? green(report.status) : red(report.status)}`);
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
  row("Components", report.components);
  row("Variance kept", report.variance === null ? null : percent(report.variance, 2));
  for (const { name, seconds, failed } of report.states)
    row(name, `${formatDuration(seconds)}${failed ? red(" failed") : ""}`);
  row("Results", report.results.files > 0 ? `${report.results.folder}  (${report.results.uri})` : null);
  row("Cluster", renderCluster(report));
  if (report.kept && succeeded) {
    row("Run on it", `npm start -- --keep --force --cluster-id ${report.kept.clusterId}`);
    row("End it", "npm run local -- stop, or wait");
  }
  row("Total", formatDuration(report.seconds));
  const warnings = [...report.leftOut.map(describeLeftOut), ...report.warnings].map((text) => yellow(`! ${text}`));
  if (report.weights === "seeded") warnings.push(yellow(`! ${seededWarning}`));
  return [table.toString().replaceAll(/ +$/gm, ""), ...warnings, ...renderMail(report.mail, noMail)].join("\n");
}

function renderMail(mail: Mail | null, noMail: string): readonly string[] {
  if (!mail) return [noMail];
  const lines = [`Subject: ${mail.subject ?? ""}`, "", ...mail.message.trimEnd().split("\n")];
  return ["", gray("The notification, as a subscriber reads it:"), ...lines.map((line) => `${gray("│")} ${line}`)];
}

const noBorders = Object.fromEntries(
  [
    ...["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"],
    ...["left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"],
  ].map((part) => [part, ""]),
);
