import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { z } from "zod";
import { percent } from "../../shared/formatting.ts";
import { headerRow, renderColumns, showName } from "../terminal/tables.ts";
import { filesIn } from "./check-results.ts";

const previewRows = 5;
const previewComponents = 3;
const previewVariances = 5;

/** The beginning of a run's PCA. */
export interface Preview {
  readonly rows: readonly { readonly path: string; readonly label: string; readonly components: readonly number[] }[];
  readonly variance: readonly { readonly component: number; readonly explained: number; readonly cumulative: number }[];
}

const parquetRowSchema = z.object({ path: z.string(), label: z.string(), pca_features: z.array(z.number()) });
const csvRowSchema = z.object({ path: z.string(), label: z.string(), pca_features_string: z.string() });
const varianceRowSchema = z.object({
  component: z.coerce.number(),
  variance_explained: z.coerce.number(),
  cumulative_variance: z.coerce.number(),
});

/** Reads the first rows of a copied run's PCA, and how much variance its first components explain. */
export async function readPreview(folder: string): Promise<Preview> {
  const parquet = await filesIn(join(folder, "pca", "parquet"), ".parquet");
  const rows =
    parquet.length > 0
      ? await readParquet(parquet)
      : await readCsvFiles(await filesIn(join(folder, "pca", "csv"), ".csv"));
  const file = join(folder, "model_info", "variance.csv");
  const variance = existsSync(file) ? await readCsv(file, previewVariances) : [];
  return {
    rows,
    variance: variance.map((row) => {
      const { component, variance_explained, cumulative_variance } = varianceRowSchema.parse(row);
      return { component, explained: variance_explained, cumulative: cumulative_variance };
    }),
  };
}

async function readParquet(files: readonly string[]): Promise<Preview["rows"]> {
  const rows: Preview["rows"][number][] = [];
  for (const path of files) {
    const file = await asyncBufferFromFile(path);
    for (const row of await parquetReadObjects({ file, rowEnd: previewRows - rows.length })) {
      const { path, label, pca_features } = parquetRowSchema.parse(row);
      rows.push({ path, label, components: pca_features.slice(0, previewComponents) });
    }
    if (rows.length >= previewRows) break;
  }
  return rows;
}

async function readCsvFiles(files: readonly string[]): Promise<Preview["rows"]> {
  const rows: Preview["rows"][number][] = [];
  for (const file of files) {
    for (const row of await readCsv(file, previewRows - rows.length)) {
      const { path, label, pca_features_string } = csvRowSchema.parse(row);
      rows.push({ path, label, components: pca_features_string.split(",").slice(0, previewComponents).map(Number) });
    }
    if (rows.length >= previewRows) break;
  }
  return rows;
}

/** Reads only the first records of a file, which may have gigabytes. */
async function readCsv(path: string, count: number): Promise<readonly unknown[]> {
  const rows: unknown[] = [];
  for await (const row of createReadStream(path).pipe(parse({ columns: true, to: count }))) rows.push(row);
  return rows;
}

/**
 * Formats a preview as two tables.
 *
 * @param input the image tree, whose URI the paths begin with
 */
export function renderPreview({ rows, variance }: Preview, input: string): string {
  const [first] = rows;
  const components = first?.components.map((_, index) => `PC${index + 1}`) ?? [];
  const table = [
    headerRow("IMAGE", "LABEL", ...components),
    ...rows.map(({ path, label, components: values }) => [
      showName(path.startsWith(input) ? path.slice(input.length) : path),
      showName(label),
      ...values.map((value) => value.toPrecision(4)),
    ]),
  ];
  const shares = [
    headerRow("COMPONENT", "VARIANCE", "TOGETHER"),
    ...variance.map(({ component, explained, cumulative }) => [
      `PC${component}`,
      percent(explained, 2),
      percent(cumulative, 2),
    ]),
  ];
  return [
    ...(rows.length > 0 ? [renderColumns(table)] : []),
    ...(variance.length > 0 ? [renderColumns(shares)] : []),
  ].join("\n\n");
}
