export type Cell = string | number | null;

/** The data behind a picture. */
export interface Table {
  /** Name of the CSV file, without its ending. */
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/**
 * Quotes a text as RFC 4180 does. A spreadsheet runs a text that begins with one of these characters as a formula, even
 * in quotes: https://owasp.org/www-community/attacks/CSV_Injection. An apostrophe before it makes it text.
 */
function quote(text: string): string {
  const safe = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

export function toCsv({ columns, rows }: Table): string {
  const lines = [columns, ...rows].map((row) =>
    row.map((cell) => (typeof cell === "string" ? quote(cell) : String(cell ?? ""))).join(","),
  );
  return lines.map((line) => `${line}\r\n`).join("");
}

/** Lets the browser save a table. The byte order mark tells Excel that the file is UTF-8. */
export function downloadCsv(table: Table): void {
  const url = URL.createObjectURL(new Blob(["\ufeff", toCsv(table)], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${table.name}.csv`;
  link.click();
  // Safari reads the file after the click has returned.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
