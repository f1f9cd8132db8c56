import { describe, expect, it } from "vitest";
import { notebookCells, renderNotebook } from "../../../cli/notebook/make-notebook.ts";
import { seededWarning } from "../../../lambdas/contract/seeded-weights.ts";

const values = { runId: "run-1", results: "results/run-1", isSeeded: false };

describe("the notebook of a run", () => {
  it("explains each cell of code before it", () => {
    const kinds = notebookCells(values).map(({ cell_type }) => cell_type);

    expect(kinds).toEqual(Array(5).fill(["markdown", "code"]).flat());
  });

  it("names the run, and reads its results", () => {
    const [title, load] = notebookCells({ ...values, runId: "a$&b", results: '../it\'s "here"' });

    expect(title?.source).toMatch(/^# Results of the run a\$&b\n\nOrchard /);
    expect(load?.source).toContain(String.raw`results = Path("../it's \"here\"")`);
  });

  it("warns at its beginning that features of random weights mean nothing", () => {
    const [, warning, ...others] = notebookCells({ ...values, isSeeded: true });

    expect(warning).toEqual({ cell_type: "markdown", source: `**${seededWarning}**` });
    expect(others).toEqual(notebookCells(values).slice(1));
  });

  it("has what nbformat 4.5 asks of cells, and no output yet", () => {
    const { cells, ...rest } = JSON.parse(renderNotebook(notebookCells(values), "run-1"));

    expect(rest).toMatchObject({ nbformat: 4, nbformat_minor: 5, metadata: { orchard: { runId: "run-1" } } });
    expect(new Set(cells.map(({ id }: { readonly id: string }) => id)).size).toBe(10);
    expect(cells[0]).not.toHaveProperty("outputs");
    expect(cells[1]).toMatchObject({ cell_type: "code", metadata: {}, execution_count: null, outputs: [] });
  });
});
