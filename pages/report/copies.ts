import type { ReportData } from "../../lambdas/contract/report-data.ts";
import type { ReportFigures } from "../../lambdas/contract/report-figures.ts";
import { element } from "../shared/elements.ts";
import type { Table } from "./csv.ts";
import { csvButton, dataTable, lead, section } from "./figure.ts";
import { formatCount, formatValue, plural } from "./numbers.ts";

function listed(title: string, text: string, table: Table): HTMLElement {
  const hasRows = table.rows.length > 0;
  return element(
    "div",
    { class: "list" },
    element("h3", {}, title),
    element("p", { class: "soft" }, text),
    hasRows ? dataTable(table, title) : null,
    hasRows
      ? element(
          "div",
          { class: "below" },
          csvButton(() => table, title),
        )
      : null,
  );
}

function shown(pairs: number, examples: number): string {
  if (examples === 1 && pairs > 1) return " The first one is listed.";
  return pairs > examples ? ` The first ${formatCount(examples)} are listed.` : "";
}

function exactCopies({ exact }: ReportFigures["duplicates"]): HTMLElement {
  if (!exact)
    return element(
      "p",
      { class: "soft" },
      "Copies with the same content are not known: the run has no etags of its images.",
    );
  const text =
    exact.pairs === 0
      ? "No two images have the same content."
      : `${plural(exact.pairs, "image")} ${exact.pairs === 1 ? "has" : "have"} the same content as an earlier one, byte for byte.${shown(exact.pairs, exact.examples.length)}`;
  return listed("Copies", text, {
    name: "copies",
    columns: ["image", "same content as"],
    rows: exact.examples.map(([first, copy]) => [copy, first]),
  });
}

function nearCopies({ bound, near }: ReportFigures["duplicates"]): HTMLElement {
  const limit = `closer than ${formatValue(bound)}, a tenth of the usual distance to the nearest image`;
  const text =
    near.pairs === 0
      ? `No two images of the sample are ${limit}.`
      : `${plural(near.pairs, "pair")} of the sample ${near.pairs === 1 ? "is" : "are"} ${limit}.${shown(near.pairs, near.examples.length)}`;
  return listed("Near-duplicates", text, {
    name: "near-duplicates",
    columns: ["image", "near image", "distance"],
    rows: near.examples,
  });
}

/** Images that are copies of each other, or unlike all others. */
export function copiesSection({ figures }: ReportData): HTMLElement | null {
  if (!figures) return null;
  const { duplicates, outliers } = figures;
  return section(
    "copies",
    "Copies and outliers",
    lead(
      "Images that a data set may be better without: the same image twice, nearly the same image, and images unlike all others.",
    ),
    exactCopies(duplicates),
    nearCopies(duplicates),
    listed("Outliers", `The ${plural(outliers.length, "image")} farthest from the mean of all images.`, {
      name: "outliers",
      columns: ["image", "label", "distance"],
      rows: outliers.map(({ path, label, distance }) => [path, label, distance]),
    }),
  );
}
