import type { Comparison } from "./compare.ts";
import type { Kind, Observation, SkippedRun } from "./observation.ts";

/** The outcome of `npm run check:aws`, which report.json holds. */
export interface Report {
  readonly account: string;
  readonly region: string;
  readonly kinds: readonly Kind[];
  readonly startedAt: string;
  readonly maxUsd: number;
  readonly spentUsd: number;
  readonly comparisons: readonly Comparison[];
  readonly skipped: readonly SkippedRun[];
  readonly observations: readonly Observation[];
  /** Why the command ended before its last run; null if it did not. */
  readonly failure: string | null;
  /** Says that nothing is left, or why something may still exist. */
  readonly removal: string;
}

export function differencesOf({ comparisons }: Pick<Report, "comparisons">): readonly Comparison[] {
  return comparisons.filter(({ same }) => !same);
}

function cell(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|");
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "None.";
  const lines = [header, header.map(() => "---"), ...rows.map((row) => row.map(cell))];
  return lines.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function compared(comparisons: readonly Comparison[]): string {
  return table(
    ["assumption", "cluster", "stage", "aspect", "assumed", "answered"],
    comparisons.map(({ assumption, kind, stage, aspect, expected, answered }) => {
      return [assumption, kind, stage, aspect, expected, answered];
    }),
  );
}

function usd(amount: number | null): string {
  return amount === null ? "unknown" : amount.toFixed(4);
}

function minutes(value: number | null | undefined): string {
  return value === null || value === undefined ? "" : value.toFixed(1);
}

/** Formats the report as Markdown, with the differences first. */
export function renderReport(report: Report): string {
  const { account, region, kinds, startedAt, maxUsd, spentUsd, comparisons, skipped, observations } = report;
  const runs = observations.map(({ kind, run, runId, status, cluster, quotedUsd, actualUsd }) => [
    ...[kind, run, runId, status, cluster?.nodes.join(", ") ?? ""],
    ...[minutes(cluster?.startMinutes), minutes(cluster?.endMinutes), minutes(cluster?.logMinutes)],
    ...[usd(quotedUsd), usd(actualUsd)],
  ]);
  const header = [
    "cluster",
    "run",
    "id",
    "status",
    "nodes",
    "start, min",
    "end, min",
    "log, min",
    "quoted, USD",
    "cost, USD",
  ];
  return `# Orchard on AWS, compared with its assumptions

Account ${account}, ${region}, clusters: ${kinds.join(", ")}, ${startedAt}. Runs cost ${spentUsd.toFixed(4)} of at most
${maxUsd.toFixed(2)} USD, by the hours of the nodes at the catalogue's prices. [docs/assumptions.md](../../docs/assumptions.md)
explains the ids.

Failure: ${report.failure ?? "none"}

Removal: ${report.removal}

## Differences

${compared(differencesOf(report))}

## As assumed

${compared(comparisons.filter(({ same }) => same))}

## Runs that were refused or not started

${table(
  ["cluster", "run", "reason"],
  skipped.map(({ kind, run, reason }) => [kind, run, reason]),
)}

## Runs

${table(header, runs)}
`;
}
