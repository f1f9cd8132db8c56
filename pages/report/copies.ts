import type { ReportData } from "../../lambdas/contract/report-data.ts";
import type { ReportFigures } from "../../lambdas/contract/report-figures.ts";
import { formatCount, plural } from "../../shared/formatting.ts";
import type { Table } from "../shared/csv.ts";
import { element } from "../shared/elements.ts";
import { csvLine, dataTable, type Link, lead, section } from "../shared/figure.ts";
import { formatValue } from "../shared/numbers.ts";

interface ImageTable {
  readonly title: string;
  readonly text: string;
  readonly table: Table;
}

function copies({ exact }: ReportFigures["duplicates"]): ImageTable {
  const { pairs, examples } = exact ?? { pairs: 0, examples: [] };
  const found = `${plural(pairs, "image")} ${pairs === 1 ? "has" : "have"} the same content as an earlier one.`;
  const none = exact ? "No two images have the same content." : "Not known: the etags of the images were not compared.";
  return {
    title: "Copies",
    text: pairs > 0 ? found + listedOf(pairs, examples.length) : none,
    table: {
      name: "copies",
      columns: ["image", "same content as"],
      rows: examples.map(([first, copy]) => [copy, first]),
    },
  };
}

function nearDuplicates({ bound, near: { pairs, examples } }: ReportFigures["duplicates"]): ImageTable {
  const limit = `closer than ${formatValue(bound)}, a tenth of the median distance to the nearest image`;
  const found = `${plural(pairs, "pair")} of the sample ${pairs === 1 ? "is" : "are"} ${limit}.`;
  return {
    title: "Near-duplicates",
    text: pairs > 0 ? found + listedOf(pairs, examples.length) : `No two images of the sample are ${limit}.`,
    table: { name: "near-duplicates", columns: ["image", "near image", "distance"], rows: examples },
  };
}

function outlying(outliers: ReportFigures["outliers"]): ImageTable {
  return {
    title: "Outliers",
    text: `The ${plural(outliers.length, "image")} farthest from the mean of all images, by their components.`,
    table: {
      name: "outliers",
      columns: ["image", "label", "distance"],
      rows: outliers.map(({ path, label, distance }) => [path, label, distance]),
    },
  };
}

function listedOf(all: number, examples: number): string {
  return all > examples ? ` The list has ${formatCount(examples)} of them.` : "";
}

/**
 * Images that are copies of each other, or unlike all others.
 *
 * @param link shows an image of the picture by its path
 */
export function copiesSection({ figures }: ReportData, link: Link): HTMLElement | null {
  if (!figures) return null;
  const { duplicates, outliers } = figures;
  const tables = [copies(duplicates), nearDuplicates(duplicates), outlying(outliers)];
  return section(
    "copies",
    "Copies and outliers",
    lead("A data set may be better without them: the same image twice, nearly the same, or unlike all others."),
    ...tables.flatMap(({ title, text, table }) => [
      element("h3", {}, title),
      element("p", { class: "soft" }, text),
      ...(table.rows.length > 0 ? [dataTable(table, title, link), csvLine(table, title)] : []),
    ]),
  );
}
