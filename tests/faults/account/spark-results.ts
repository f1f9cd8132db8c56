import { bucket } from "./deployed.ts";
import type { S3 } from "./s3.ts";
import { tables } from "./tables.ts";

interface Plan {
  readonly counts: { readonly images: number; readonly labels: number };
  /** null if Preflight has not listed the images. */
  readonly selection: string | null;
  readonly newImages: number;
  readonly formats: readonly string[];
  readonly reusedFeatures: "copy" | "reference";
  readonly pca: { readonly components: number };
  readonly model: { readonly sha256: string };
}

interface Selected {
  readonly images: number;
  readonly labels: number;
}

/** Rows of each file that a worker writes: 8 MB of features or of components, or a task's share of the other tables. */
const rowsPerFile = { features: 1_600, pca: 30_000, reference: 10_000, selection: 50_000 };

/**
 * Writes the results of a step as the Spark job does.
 *
 * @param failure INVALID results have one image less than the inventory has selected; GROWN results of the inventory have
 *   more images than maxCostUsd pays for
 */
export function writeSparkResults(s3: S3, args: readonly string[], failure: string | undefined): void {
  const planKey = (args.at(-1) ?? "").replace(`s3://${bucket}/`, "");
  const plan = s3.json(planKey) as Plan;
  const run = planKey.slice(0, -"plan.json".length);
  const write = { inventory: writeInventory, features: writeFeatures, reduction: writeReduction };
  const job = (["inventory", "features", "reduction"] as const).find((name) => args.includes(name));
  if (job !== undefined) write[job](s3, run, plan, failure);
}

/** The images that the inventory has selected, or the plan's images if the run has no inventory. */
function selectedOf(s3: S3, run: string, { counts }: Plan): Selected {
  const summary = s3.json(`${run}inventory/summary.json`) as { readonly selected: Selected } | undefined;
  return summary?.selected ?? counts;
}

/** Writes as many files as the job writes for so many rows, all with the same content. */
function writeFiles(
  s3: S3,
  folder: string,
  content: Buffer,
  { rows, rowsPerFile: perFile }: { readonly rows: number; readonly rowsPerFile: number },
): { readonly files: number; readonly rows: number; readonly bytes: number } {
  const files = Math.ceil(rows / perFile);
  for (let number = 0; number < files; number += 1)
    s3.objects.set(`${folder}part-${String(number).padStart(5, "0")}-0000.snappy.parquet`, content);
  return { files, rows, bytes: files * content.length };
}

function writeInventory(s3: S3, run: string, plan: Plan, failure: string | undefined): void {
  const { labels } = plan.counts;
  const listed = s3.tree?.count ?? plan.counts.images;
  const images = failure === "GROWN" ? 1_000_000_000 : listed;
  const selected = { images, labels, bytes: 1_024 * images, fingerprint: plan.selection ?? "f".repeat(64) };
  // No function opens these files.
  const selection = writeFiles(s3, `${run}inventory/selection/`, Buffer.from("PAR1"), {
    rows: images,
    rowsPerFile: rowsPerFile.selection,
  });
  s3.write(`${run}inventory/summary.json`, { images, labels, selected, outputs: { selection } });
  s3.write(`${run}inventory/metadata/part-0.csv`, "s3_path,label\n");
  const counted = failure === "INVALID" ? images - 1 : images;
  s3.write(`${run}inventory/stats/part-0.csv`, `split,label,count\nTraining,all,${counted}\n`);
}

function writeFeatures(s3: S3, run: string, plan: Plan, failure: string | undefined): void {
  const selected = selectedOf(s3, run, plan);
  const images = selected.images - (failure === "INVALID" ? 1 : 0);
  // Preflight's count of new images is an estimate, and the store's index is exact. At least one image is new, because
  // otherwise the run would not have this step.
  const isStored = plan.newImages < plan.counts.images;
  const computed = isStored ? Math.min(images, Math.max(1, plan.newImages)) : images;
  const referenced = plan.reusedFeatures === "reference" ? images - computed : 0;
  const outputs: Record<string, object> = {};
  if (plan.formats.includes("parquet")) {
    outputs["parquet"] = writeFiles(s3, `${run}features/parquet/`, tables().features, {
      rows: images - referenced,
      rowsPerFile: rowsPerFile.features,
    });
    outputs["reference"] = writeFiles(s3, `${run}features/reference/`, tables().reference, {
      rows: referenced,
      rowsPerFile: rowsPerFile.reference,
    });
  }
  s3.write(`${run}features/summary.json`, {
    images,
    errors: 0,
    reasons: {},
    computed,
    reused: images - computed,
    copied: images - computed - referenced,
    referenced,
    changed: 0,
    dimensions: 1280,
    outputs,
    checks: [],
  });
  if (plan.formats.includes("csv")) s3.write(`${run}features/csv/part-0.csv`, "path,label,features_string\n");
}

function writeReduction(s3: S3, run: string, plan: Plan, failure: string | undefined): void {
  const { model, formats, pca } = plan;
  const { images: selected, labels } = selectedOf(s3, run, plan);
  const images = selected - (failure === "INVALID" ? 1 : 0);
  const check = (name: string) => ({ name, ok: true, detail: "" });
  const outputs = formats.includes("parquet")
    ? { parquet: writeFiles(s3, `${run}pca/parquet/`, tables().pca, { rows: images, rowsPerFile: rowsPerFile.pca }) }
    : {};
  s3.write(`${run}model_info/model_info.json`, {
    pca_components: pca.components,
    original_dimensions: 1280,
    reduced_dimensions: pca.components,
    total_variance_explained: 0.95,
    num_images_processed: images,
    model: { name: "MobileNetV2", weights: "imagenet", sha256: model.sha256 },
    variance_by_component: [0.9, 0.05],
    cumulative_variance: [0.9, 0.95],
    labels,
    errors: 0,
    outputs,
    checks: ["row_count", "dimensions", "finite", "unique_paths", "variance"].map(check),
  });
  if (formats.includes("csv")) s3.write(`${run}pca/csv/part-0.csv`, "path,label,pca_features_string\n");
}
