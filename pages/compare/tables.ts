import type { Comparison, Pair } from "../../lambdas/contract/comparison.ts";
import { describeTime, formatCount, percent } from "../../shared/formatting.ts";
import { element, name } from "../shared/elements.ts";
import { lead, section } from "../shared/figure.ts";
import { formatSpan, formatUsd } from "../shared/numbers.ts";

type Row = readonly [term: string, before: string, after: string, difference: string];
type Format = (value: number) => string;

/** Makes a row of two values and their difference; a dash stands for a value that nobody knows. */
function row(term: string, [before, after]: Pair<number | null>, format: Format, formatDifference = format): Row {
  const show = (value: number | null): string => (value === null ? "–" : format(value));
  const change = before === null || after === null ? 0 : after - before;
  const sign = change > 0 ? "+" : "−";
  return [term, show(before), show(after), change === 0 ? "" : `${sign}${formatDifference(Math.abs(change))}`];
}

function points(share: number): string {
  return `${(100 * share).toFixed(2)} points`;
}

function milliseconds(seconds: number): string {
  return formatSpan(1_000 * seconds);
}

/** A table with a column for each run. Texts begin at the left, numbers end at the right. */
function pairTable(
  label: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  kind: "numbers" | "text" = "numbers",
): HTMLElement {
  const isText = kind === "text";
  const body = rows.map(([term = "", ...values]) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, name(term)),
      ...values.map((value) => element("td", { class: isText ? "text" : undefined }, name(value))),
    ),
  );
  const columns = head.map((column, at) =>
    element("th", { scope: "col", class: at > 0 && !isText ? "number" : undefined }, name(column)),
  );
  const table = element(
    "table",
    { class: "pair" },
    element("caption", { class: "unseen" }, label),
    element("thead", {}, element("tr", {}, ...columns)),
    element("tbody", {}, ...body),
  );
  return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, table);
}

export function runsSection({ runs: [before, after], onAws, states }: Comparison): HTMLElement {
  const rows: readonly Row[] = [
    ["Outcome", before.status, after.status, ""],
    ["Started", describeTime(before.startedAt), describeTime(after.startedAt), ""],
    row("Images", [before.images, after.images], formatCount),
    row("Labels", [before.labels, after.labels], formatCount),
    row("Errors", [before.errors, after.errors], formatCount),
    row("Features computed", [before.computed, after.computed], formatCount),
    row("Features from earlier runs", [before.reused, after.reused], formatCount),
    row("Components", [before.components, after.components], formatCount),
    row("Variance kept", [before.variance, after.variance], (share) => percent(share, 2), points),
    onAws
      ? row("Cost", [before.usd, after.usd], formatUsd)
      : row("On AWS, as quoted", [before.quotedUsd, after.quotedUsd], formatUsd),
    row("Total time", [before.seconds, after.seconds], milliseconds),
  ];
  const times = states.map(({ name: state, seconds }) => row(state, seconds, milliseconds));
  const runIds = [before.runId, after.runId];
  return section(
    "runs",
    "Side by side",
    pairTable("The two runs", ["Figure", ...runIds, "Difference"], rows),
    element("h3", {}, "Time in each state"),
    pairTable("Time in each state", ["State", ...runIds, "Difference"], times),
  );
}

export function parametersSection({ runs: [before, after], parameters }: Comparison): HTMLElement {
  const rows = parameters.map(({ name: parameter, values: [one, other] }) => [parameter, one ?? "–", other ?? "–"]);
  return section(
    "parameters",
    "Parameters",
    rows.length === 0
      ? lead("The two runs have the same parameters.")
      : pairTable("Parameters that differ", ["Parameter", before.runId, after.runId], rows, "text"),
  );
}

export function imagesSection({ images, labels, runs: [before, after] }: Comparison): HTMLElement | null {
  if (!images) return null;
  const kinds = { Added: images.added, Removed: images.removed, Changed: images.changed } as const;
  const lists = Object.entries(kinds).flatMap(([kind, { count, examples }]) =>
    count === 0
      ? []
      : [
          element("h3", {}, `${kind}: ${formatCount(count)}`),
          element("ul", { class: "paths" }, ...examples.map((path) => element("li", {}, name(path)))),
          ...(count > examples.length
            ? [element("p", { class: "soft small" }, `… and ${formatCount(count - examples.length)} more`)]
            : []),
        ],
  );
  const rows = labels.map(({ label, images: counts }) => row(label, counts, formatCount));
  return section(
    "images",
    "Images",
    lead(`${formatCount(images.unchanged)} selected images are the same in both runs.`),
    ...lists,
    ...(rows.length === 0
      ? []
      : [
          element("h3", {}, "Labels with another number of images"),
          pairTable("Labels with another number of images", ["Label", before.runId, after.runId, "Difference"], rows),
        ]),
  );
}
