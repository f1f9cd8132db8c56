import { gray } from "ansis";
import Table from "cli-table3";
import { quoteName } from "../../lambdas/contract/image-tree.ts";

/** cli-table3's characters for a table of columns alone. */
const noBorders = Object.fromEntries(
  [
    ...["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"],
    ...["left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"],
  ].map((part) => [part, ""]),
);

/** Formats rows as aligned columns, without spaces at the ends of lines. */
export function renderColumns(rows: readonly (readonly string[])[]): string {
  const table = new Table({ style: { head: [], border: [] }, chars: noBorders });
  table.push(...rows.map((row) => [...row]));
  return table.toString().replaceAll(/ +$/gm, "");
}

/** Formats the names of columns as the first row of a table. */
export function headerRow(...names: readonly string[]): readonly string[] {
  return names.map((name) => gray(name));
}

/** Formats a name and a value a line, in two columns. Rows without a value are left out. */
export function renderFields(rows: readonly (readonly [name: string, value: string | number | null])[]): string {
  return renderColumns(rows.flatMap(([name, value]) => (value === null ? [] : [[gray(name), String(value)]])));
}

/** A name may have line breaks and control characters, which must not reach a terminal. */
export function showName(name: string): string {
  return /[\p{C}\p{Zl}\p{Zp}]/u.test(name) ? quoteName(name) : name;
}
