import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { places } from "../../../cli/toolchain/places.ts";
import { isDeep } from "../../deep.ts";
import { startOrchard } from "../account/account-commands.ts";
import { allMs, finishedRun, type Stage } from "./stage.ts";

/** Stands in for Matplotlib, which only the notebook's own Python has, and records the plotted labels. */
const pyplot = `
import sys
from unittest.mock import MagicMock

figure, axes = MagicMock(), MagicMock()
plt = sys.modules[__name__] = MagicMock()
plt.subplots.return_value = figure, axes
plt.get_cmap.return_value = lambda shares: shares
show = lambda: axes.scatter.called and print("plotted:", ", ".join(call.kwargs["label"] for call in axes.scatter.mock_calls))
plt.show = show
`;

/**
 * Runs the code of a notebook's cells as one script, in the notebook's folder.
 *
 * @param folder gets the modules that the cells import
 * @returns what they print
 */
async function runNotebook(path: string, folder: string): Promise<string> {
  const modules = join(folder, "modules");
  mkdirSync(join(modules, "matplotlib"), { recursive: true });
  writeFileSync(join(modules, "matplotlib", "pyplot.py"), pyplot);
  const { cells } = JSON.parse(readFileSync(path, "utf8"));
  const code = cells.filter((cell: { readonly cell_type: string }) => cell.cell_type === "code");
  const input = code.map(({ source }: { readonly source: string }) => source).join("\n");
  const options = { cwd: dirname(path), env: { PYTHONPATH: modules }, input };
  return (await execa(join(places.python, "bin", "python"), ["-"], options)).stdout;
}

export function notebookCases(stage: () => Stage): void {
  describe("orchard notebook", { timeout: allMs }, () => {
    it("writes a notebook, as in docs/cli.md, whose cells show the run's results, from either format", async () => {
      const { account, transcripts } = stage();
      const runId = await finishedRun();

      await transcripts.play("notebook");

      const notebook = join(account.home, `${runId}.ipynb`);
      const shown = await runNotebook(notebook, account.home);
      expect(shown).toMatch(/^Images: 6, labels: \d, components: 2\n/);
      expect(shown).toMatch(/\nplotted: (Apple .*, ){5}Apple .*\nNearest to Training\/Apple /);
      expect(shown).toMatch(/\nSame label as the nearest image: \d+% of 6 images, by chance \d+%$/);
      rmSync(join(account.home, "results", runId, "pca", "parquet"), { recursive: true });
      expect(await runNotebook(notebook, account.home)).toBe(shown);
    });

    it.runIf(isDeep)("runs the cells in JupyterLab, and serves it until Ctrl-C", async () => {
      const { account } = stage();
      const opened = startOrchard(account, "notebook", await finishedRun(), "--output", "opened.ipynb", "--json");
      if (!opened.stdout) throw new Error("The process has no standard output pipe");
      const [line] = await once(createInterface({ input: opened.stdout }), "line");

      const { url, notebook } = JSON.parse(String(line));
      expect((await fetch(url)).status).toBe(200);
      expect((await fetch(`${new URL(url).origin}/api/contents`)).status).toBe(403);
      expect(readFileSync(notebook, "utf8")).toMatch(/"image\/png"[\s\S]*Same label as the nearest image/);
      opened.kill("SIGINT");
      expect((await opened).exitCode).toBe(130);
      await expect(fetch(url)).rejects.toThrow("fetch failed");
    });
  });
}
