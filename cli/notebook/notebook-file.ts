import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { z } from "zod";
import { readTextFile } from "../../shared/read-text-file.ts";
import { hasCode } from "../../shared/system-errors.mjs";
import { UsageError } from "../terminal/command-errors.ts";
import { type NotebookValues, notebookCells, renderNotebook } from "./make-notebook.ts";

const notebookSchema = z.object({
  cells: z.array(z.object({ outputs: z.array(z.unknown()).default([]) })),
  metadata: z.object({ orchard: z.object({ runId: z.string() }) }),
});

interface Wish extends Pick<NotebookValues, "runId" | "isSeeded"> {
  readonly file: string;
  /** Folder with the copy of the run's results. */
  readonly results: string;
  /** Whether to replace a file that is there. */
  readonly force: boolean;
}

/**
 * Writes the notebook of a run, unless it is there: the person may have edited it.
 *
 * @returns whether it was written
 * @throws UsageError when there is another file of this name, or when the file cannot be written
 */
export async function writeNotebook({ file, results, force, ...values }: Wish): Promise<boolean> {
  if (!force && isNotebookOf(values.runId, file)) return false;
  const cells = notebookCells({ ...values, results: relative(dirname(file), results) });
  try {
    await mkdir(dirname(file), { recursive: true });
    // "wx" fails if the file has been created meanwhile.
    await writeFile(file, renderNotebook(cells, values.runId), { flag: force ? "w" : "wx" });
  } catch (error) {
    if (!(error instanceof Error && hasCode(error, "EACCES", "EPERM", "EROFS", "EEXIST", "ENOTDIR", "EISDIR")))
      throw error;
    throw new UsageError(`The notebook cannot be written: ${error.message}. Choose another file with --output.`);
  }
  return true;
}

/**
 * Whether the run's notebook is there. Call it before long work, too.
 *
 * @throws UsageError when there is another file of this name
 */
export function isNotebookOf(runId: string, file: string): boolean {
  if (!existsSync(file)) return false;
  if (readNotebook(file)?.metadata.orchard.runId === runId) return true;
  throw new UsageError(
    `${file} is not the notebook of ${runId}. Choose another file with --output, or replace this one with --force.`,
  );
}

/** Whether a cell of the notebook has been run and has printed or shown something. */
export function hasOutput(file: string): boolean {
  return readNotebook(file)?.cells.some(({ outputs }) => outputs.length > 0) ?? false;
}

/** Reads a notebook of Orchard; undefined when the file is another one. */
function readNotebook(file: string): z.output<typeof notebookSchema> | undefined {
  try {
    return notebookSchema.parse(JSON.parse(readTextFile(file)));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError || hasCode(error, "EISDIR")) return undefined;
    throw error;
  }
}
