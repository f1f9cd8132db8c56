import type { ComparedRun, Comparison, ImageChanges, Pair } from "../../lambdas/contract/comparison.ts";
import { formatCount, percent } from "../../shared/formatting.ts";
import { renderStatus } from "../execution/render-report.ts";
import { formatDuration, formatLocalTime } from "../terminal/format-duration.ts";
import { headerRow, renderColumns, showName } from "../terminal/tables.ts";

const shownLabels = 10;
const shownImages = 5;
const shownComponents = 3;
const none = "–";

type Row = readonly [name: string, before: string, after: string, difference?: string];

/** Formats a comparison as tables. Parts that do not differ are left out. */
export function renderComparison(comparison: Comparison): string {
  const { runs, images, missing } = comparison;
  const parts = [
    renderColumns([
      headerRow("", runs[0].runId, runs[1].runId, "DIFFERENCE"),
      ...[...runRows(comparison), ...varianceRows(comparison), ...stateRows(comparison)].map(fill),
    ]),
    table(["PARAMETER", "BEFORE", "AFTER"], parameterRows(comparison)),
    images ? renderImages(images) : "",
    table(["LABEL", "BEFORE", "AFTER", "DIFFERENCE"], labelRows(comparison)),
    missing.map((reason) => `! ${reason}`).join("\n"),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function fill([name, before, after, difference = ""]: Row): readonly string[] {
  return [name, before, after, difference];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? "" : renderColumns([headerRow(...head), ...rows]);
}

function runRows({ runs: [before, after], onAws }: Comparison): readonly Row[] {
  const count = (name: string, of: (run: ComparedRun) => number | null): Row =>
    numberRow(name, [of(before), of(after)]);
  const usd = onAws ? ([before.usd, after.usd] as const) : ([before.quotedUsd, after.quotedUsd] as const);
  return [
    ["Outcome", renderStatus(before.status), renderStatus(after.status)],
    ["Started", formatLocalTime(new Date(before.startedAt)), formatLocalTime(new Date(after.startedAt))],
    count("Images", ({ images }) => images),
    count("Labels", ({ labels }) => labels),
    count("Errors", ({ errors }) => errors),
    count("Computed", ({ computed }) => computed),
    count("Reused", ({ reused }) => reused),
    count("Components", ({ components }) => components),
    shareRow("Variance kept", [before.variance, after.variance]),
    numberRow(onAws ? "Cost in USD" : "On AWS, in USD", usd, (value) => value.toFixed(2)),
    durationRow("Total", [before.seconds, after.seconds]),
  ];
}

function varianceRows({ variance }: Comparison): readonly Row[] {
  return variance.slice(0, shownComponents).map(({ component, explained }) => shareRow(`PC${component}`, explained));
}

function stateRows({ states }: Comparison): readonly Row[] {
  return states.map(({ name, seconds }) => durationRow(name, seconds));
}

function parameterRows({ parameters }: Comparison): readonly (readonly string[])[] {
  return parameters.map(({ name, values: [before, after] }) => [name, before ?? none, after ?? none]);
}

function labelRows({ labels }: Comparison): readonly (readonly string[])[] {
  const rows = labels.slice(0, shownLabels).map(({ label, images }) => fill(numberRow(showName(label), images)));
  const more = labels.length - rows.length;
  return more > 0 ? [...rows, [`… and ${formatCount(more)} more labels`, "", "", ""]] : rows;
}

function renderImages({ added, removed, changed, unchanged }: ImageChanges): string {
  const parts = { added, removed, changed };
  const lines = Object.entries(parts).flatMap(([name, { count, examples }]) => [
    `${formatCount(count)} ${name}`,
    ...examples.slice(0, shownImages).map((path) => `  ${showName(path)}`),
    ...(count > shownImages ? [`  … and ${formatCount(count - shownImages)} more`] : []),
  ]);
  return [`Selected images: ${formatCount(unchanged)} unchanged`, ...lines].join("\n");
}

function numberRow(name: string, [before, after]: Pair<number | null>, format = formatCount): Row {
  const difference = before === null || after === null ? "" : signed(after - before, format);
  return [name, before === null ? none : format(before), after === null ? none : format(after), difference];
}

/** The difference of two shares is in percentage points. */
function shareRow(name: string, shares: Pair<number | null>): Row {
  const [, before, after, difference = ""] = numberRow(name, shares, (share) => percent(share, 2));
  return [name, before, after, difference.replace(" %", " points")];
}

function durationRow(name: string, seconds: Pair<number | null>): Row {
  return numberRow(name, seconds, formatDuration);
}

function signed(value: number, format: (value: number) => string): string {
  if (value === 0) return "";
  return `${value > 0 ? "+" : "−"}${format(Math.abs(value))}`;
}
