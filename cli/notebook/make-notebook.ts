// Makes the notebook of a run from template.py, which is in the percent format: `# %%` begins a cell.
import { join } from "node:path";
import { seededWarning } from "../../lambdas/contract/seeded-weights.ts";
import { readTextFile } from "../../shared/read-text-file.ts";

const cellStart = /^# %%(.*)$/m;

/** Values of the template's placeholders. */
export interface NotebookValues {
  readonly runId: string;
  /** Folder with the copy of the run's results, relative to the notebook's folder. */
  readonly results: string;
  /** Whether the run's model has random weights, so that the features mean nothing. */
  readonly isSeeded: boolean;
}

interface Cell {
  readonly cell_type: "markdown" | "code";
  readonly source: string;
}

/** Returns the cells of the run's notebook. */
export function notebookCells({ runId, results, isSeeded }: NotebookValues): readonly Cell[] {
  const template = readTextFile(join(import.meta.dirname, "template.py"));
  // A string of JSON is a literal of Python, too.
  const source = template.replaceAll("__RUN_ID__", () => runId).replace('"__RESULTS__"', () => JSON.stringify(results));
  // Splitting by a pattern with one group gives the text before the first cell, then a title and a source for each.
  const [, ...parts] = source.split(cellStart);
  const cells = parts.flatMap((title, index) => (index % 2 === 0 ? [makeCell(title, parts[index + 1] ?? "")] : []));
  const warning: Cell = { cell_type: "markdown", source: `**${seededWarning}**` };
  return isSeeded ? cells.toSpliced(1, 0, warning) : cells;
}

function makeCell(title: string, text: string): Cell {
  if (title.trim() !== "[markdown]") return { cell_type: "code", source: text.trim() };
  return { cell_type: "markdown", source: text.trim().replaceAll(/^# ?/gm, "") };
}

/**
 * Formats a notebook as nbformat 4.5 describes it.
 *
 * @param runId stays in the metadata, which tells the notebook from those of other runs
 */
export function renderNotebook(cells: readonly Cell[], runId: string): string {
  const notebook = {
    cells: cells.map(({ cell_type, source }, index) => ({
      cell_type,
      id: `orchard-${index}`,
      metadata: {},
      source,
      ...(cell_type === "code" ? { execution_count: null, outputs: [] } : {}),
    })),
    metadata: {
      kernelspec: { name: "python3", display_name: "Python 3", language: "python" },
      language_info: { name: "python" },
      orchard: { runId },
    },
    nbformat: 4,
    nbformat_minor: 5,
  };
  return `${JSON.stringify(notebook, null, 1)}\n`;
}
