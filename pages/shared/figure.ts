import { formatCount } from "../../shared/formatting.ts";
import { type Cell, downloadCsv, type Table } from "./csv.ts";
import { element, name } from "./elements.ts";
import { formatValue } from "./numbers.ts";

/** A page with more rows is slow to scroll; the CSV file has all of them. */
const shownRows = 500;

/** A section of the report with its heading, to which the navigation leads. */
export function section(id: string, title: string, ...children: readonly (Node | string | null)[]): HTMLElement {
  const heading = element("h2", { id: `${id}-title` }, title);
  return element("section", { id, "aria-labelledby": `${id}-title` }, heading, ...children);
}

/** A sentence or two below a heading that say what a picture shows. */
export function lead(...children: readonly (Node | string)[]): HTMLElement {
  return element("p", { class: "lead soft" }, ...children);
}

/** Returns the action of a click on a text of a table; undefined for a text that leads nowhere. */
export type Link = (text: string) => (() => void) | undefined;

function cell(value: Cell, link: Link | undefined): HTMLElement {
  if (typeof value === "number") {
    return element("td", { class: "number" }, Number.isInteger(value) ? formatCount(value) : formatValue(value));
  }
  const text = name(value ?? "");
  const click = value === null ? undefined : link?.(value);
  return element("td", {}, click ? element("button", { type: "button", class: "link", click }, text) : text);
}

/** A table that scrolls sideways where it is wider than the page. */
export function dataTable({ name: file, columns, rows }: Table, label: string, link?: Link): HTMLElement {
  const isNumber = columns.map((_, at) => typeof rows[0]?.[at] === "number");
  const head = columns.map((column, at) =>
    element("th", { scope: "col", class: isNumber[at] ? "number" : undefined }, column),
  );
  const body = rows.slice(0, shownRows).map((row) => element("tr", {}, ...row.map((value) => cell(value, link))));
  const table = element(
    "table",
    { "data-table": file },
    element("caption", { class: "unseen" }, label),
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...body),
  );
  const rest = `The first ${shownRows} of ${formatCount(rows.length)} rows. The CSV file has all of them.`;
  return element(
    "div",
    {},
    element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, table),
    rows.length > shownRows ? element("p", { class: "soft small" }, rest) : null,
  );
}

function csvButton(table: () => Table, label: string): HTMLButtonElement {
  const click = () => downloadCsv(table());
  return element(
    "button",
    { type: "button", class: "csv", click, "aria-label": `${label}: data as CSV` },
    "Data as CSV",
  );
}

/** The button that saves the table, on a line of its own. */
export function csvLine(table: Table, label: string): HTMLElement {
  const button = csvButton(() => table, label);
  return element("div", { class: "below" }, button);
}

interface Figure {
  /** Names the picture for a screen reader, and the table behind it. */
  readonly label: string;
  readonly picture: Node;
  /** Read when the table is opened or saved. */
  readonly table: () => Table;
}

/** A picture with the table behind it. The table is made when it is opened. */
export function figure({ label, picture, table }: Figure): HTMLElement {
  const details = element("details", {}, element("summary", {}, "Show as a table"));
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(dataTable(table(), label));
  });
  return element(
    "figure",
    { "aria-label": label },
    picture,
    element("div", { class: "below" }, csvButton(table, label), details),
  );
}
