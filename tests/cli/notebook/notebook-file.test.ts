import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hasOutput, writeNotebook } from "../../../cli/notebook/notebook-file.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "orchard-notebook-"));
  file = join(folder, "mine", "run-1.ipynb");
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(runId = "run-1", force = false): Promise<boolean> {
  return writeNotebook({ file, results: join(folder, "results", runId), force, runId, isSeeded: false });
}

/** Adds to the notebook what JupyterLab would save. */
function edit(): string {
  const notebook = JSON.parse(readFileSync(file, "utf8"));
  notebook.cells[1].outputs = [{ output_type: "stream", name: "stdout", text: "6 images" }];
  writeFileSync(file, JSON.stringify(notebook));
  return readFileSync(file, "utf8");
}

describe("writing a notebook", () => {
  it("makes its folder, and finds the results from there", async () => {
    expect(await write()).toBe(true);

    expect(readFileSync(file, "utf8")).toContain(JSON.stringify('"../results/run-1"').slice(1, -1));
    expect(hasOutput(file)).toBe(false);
  });

  it("leaves the run's notebook alone, which may be edited", async () => {
    await write();
    const edited = edit();

    expect(await write()).toBe(false);

    expect(readFileSync(file, "utf8")).toBe(edited);
    expect(hasOutput(file)).toBe(true);
  });

  it("replaces it when asked to", async () => {
    await write();
    edit();

    expect(await write("run-2", true)).toBe(true);

    expect(readFileSync(file, "utf8")).toContain("run-2");
    expect(hasOutput(file)).toBe(false);
  });

  it.each(["", "{}", '{"cells":[],"metadata":{}}'])("refuses to replace a file with %j", async (text) => {
    file = join(folder, "other.ipynb");
    writeFileSync(file, text);

    await expect(write()).rejects.toThrow(`${file} is not the notebook of run-1. Choose another file with --output`);

    expect(readFileSync(file, "utf8")).toBe(text);
  });

  it("refuses to replace the notebook of another run", async () => {
    await write("run-2");

    await expect(write()).rejects.toThrow("is not the notebook of run-1");
  });

  it("says that a folder cannot hold it", async () => {
    writeFileSync(join(folder, "file"), "");
    file = join(folder, "file", "run-1.ipynb");

    await expect(write()).rejects.toThrow(/cannot be written: .* Choose another file with --output\./);
  });
});
