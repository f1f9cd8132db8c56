import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Parquet files of one row, as the Spark job writes them with more. */
export interface Tables {
  /** path, label and 1,280 features. */
  readonly features: Buffer;
  /** path, label and 50 components. */
  readonly pca: Buffer;
  /** path, label, and a file and a row of the features store. */
  readonly reference: Buffer;
}

const root = join(import.meta.dirname, "../../..");
let made: Tables | undefined;

/** Makes the files once for each worker of vitest. */
export function tables(): Tables {
  made ??= makeTables();
  return made;
}

function makeTables(): Tables {
  const folder = mkdtempSync(join(tmpdir(), "orchard-tables-"));
  const python = join(root, ".orchard", "python", "bin", "python");
  execFileSync(python, [join(import.meta.dirname, "make_tables.py"), folder]);
  const read = (name: string): Buffer => readFileSync(join(folder, `${name}.parquet`));
  return { features: read("features"), pca: read("pca"), reference: read("reference") };
}
