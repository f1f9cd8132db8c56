import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import { checkResults, type Manifest, manifestSchema, readManifest } from "../../../cli/execution/check-results.ts";
import { readPreview, renderPreview } from "../../../cli/execution/preview-results.ts";
import { places } from "../../../cli/toolchain/places.ts";
import { aPlan } from "../../lambdas/fixtures.ts";

const validation = {
  ...{ images: 2, labels: 1, errors: 0, errorRate: 0, computed: 2, reused: 0, components: 2, variance: 0.75 },
  ...{ warnings: [], results: "s3://data/runs/run-1/" },
};
const csv =
  'path,label,pca_features_string\n"s3://data/raw/A/1.jpg","A","0.5,-1.25"\n"s3://data/raw/A/2.jpg","B ""\n""","2,3"\n';
const variance = "component,variance_explained,cumulative_variance\n1,0.5,0.5\n2,0.25,0.75\n";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "orchard-results-"));
  return () => rmSync(folder, { recursive: true });
});

function write(path: string, content = ""): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

function manifestOf(plan: Parameters<typeof aPlan>[1] = {}): Manifest {
  return manifestSchema.parse({ plan: aPlan("data", { formats: ["csv"], ...plan }), validation });
}

function writeComplete(): void {
  for (const path of ["inventory/metadata/part-0.csv", "inventory/stats/part-0.csv", "features/csv/part-0.csv"])
    write(path);
  for (const path of ["model_info/model_info.json", "model_info/pca.npz"]) write(path);
  write("model_info/variance.csv", variance);
  write("pca/csv/part-0.csv", csv);
}

/** Writes Parquet files with this many rows. */
function writeParquet(rows: number, ...paths: readonly string[]): void {
  const script = `
import sys, pyarrow as pa, pyarrow.parquet as pq
rows = [{"path": f"s3://data/raw/A/{i}.jpg", "label": "A", "pca_features": [i + 0.5, -1.25, 2, 9]} for i in range(${rows})]
for path in sys.argv[1:]: pq.write_table(pa.Table.from_pylist(rows), path, compression="snappy")`;
  for (const path of paths) write(path);
  execFileSync(join(places.python, "bin", "python"), ["-c", script, ...paths.map((path) => join(folder, path))]);
}

describe("checkResults", () => {
  it("accepts a complete copy", async () => {
    writeComplete();

    await expect(checkResults(folder, manifestOf(), ["csv"])).resolves.toBeUndefined();
  });

  it("names each part that is missing", async () => {
    writeComplete();
    for (const path of ["pca/csv", "inventory/stats", "model_info/pca.npz"])
      rmSync(join(folder, path), { recursive: true });

    await expect(checkResults(folder, manifestOf(), ["csv"])).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining(
        "inventory/stats is missing; model_info/pca.npz is missing; pca/csv/ has no .csv file",
      ),
    });
  });

  it("counts the rows of Parquet files", async () => {
    writeComplete();
    writeParquet(1, "pca/parquet/part-0.parquet", "features/parquet/part-0.parquet", "features/parquet/part-1.parquet");

    const plan = { formats: ["parquet" as const] };
    await expect(checkResults(folder, manifestOf(plan), ["parquet", "csv"])).rejects.toThrow(
      "what manifest.json says: pca/parquet/ has 1 of 2 rows. ",
    );
  });

  it("counts the rows of the reference to the features store", async () => {
    writeComplete();
    const parts = ["features/parquet/0", "features/reference/1", "pca/parquet/0", "pca/parquet/1"];
    writeParquet(1, ...parts.map((part) => `${part}.parquet`));
    const manifest = manifestOf({ formats: ["parquet"], reusedFeatures: "reference" });

    await checkResults(folder, manifest, ["parquet"]);
    rmSync(join(folder, "features/reference"), { recursive: true });
    await expect(checkResults(folder, manifest, ["parquet"])).rejects.toThrow("features/parquet/ has 1 of 2 rows");
  });

  it("asks for no features of a run that only reduced, and for an inventory alone in mode inventory", async () => {
    writeComplete();
    rmSync(join(folder, "features"), { recursive: true });

    await checkResults(folder, manifestOf({ features: "s3://data/runs/run-0/features/parquet" }), ["csv"]);
    rmSync(join(folder, "pca"), { recursive: true });
    await checkResults(folder, manifestOf({ mode: "inventory" }), ["csv"]);
  });
});

describe("readManifest", () => {
  it("finds none in the copy of a run that has failed", () => {
    expect(readManifest(folder)).toBeUndefined();
  });
});

describe("readPreview", () => {
  it("reads CSV files, and quotes names that have line breaks", async () => {
    write("pca/csv/part-0.csv", csv);
    write("model_info/variance.csv", variance);

    const preview = await readPreview(folder);

    expect(preview.rows.map(({ label, components }) => [label, components])).toEqual([
      ["A", [0.5, -1.25]],
      ['B "\n"', [2, 3]],
    ]);
    expect(stripVTControlCharacters(renderPreview(preview, "s3://data/raw/")).split("\n")).toEqual([
      " IMAGE    LABEL       PC1     PC2",
      " A/1.jpg  A           0.5000  -1.250",
      ' A/2.jpg  "B \\"\\n\\""  2.000   3.000',
      "",
      " COMPONENT  VARIANCE  TOGETHER",
      " PC1        50.00 %   50.00 %",
      " PC2        25.00 %   75.00 %",
    ]);
  });

  it("reads the first five rows of several Parquet files, and three components", async () => {
    writeParquet(3, "pca/parquet/part-0.parquet", "pca/parquet/part-1.parquet");

    const { rows, variance: none } = await readPreview(folder);

    expect(rows).toHaveLength(5);
    expect(rows[1]).toEqual({ path: "s3://data/raw/A/1.jpg", label: "A", components: [1.5, -1.25, 2] });
    expect(none).toEqual([]);
  });

  it("shows nothing of an inventory", async () => {
    expect(renderPreview(await readPreview(folder), "")).toBe("");
  });
});
