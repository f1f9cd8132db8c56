import { bucket } from "./deployed.ts";
import type { S3 } from "./s3.ts";

interface Plan {
  readonly counts: { readonly images: number; readonly labels: number };
  readonly selection: string;
  readonly pca: { readonly components: number };
  readonly model: { readonly sha256: string };
}

/**
 * Writes the results of a step as the Spark job does.
 *
 * @param failure INVALID results have one image less than the inventory has selected; GROWN ones of the inventory have more
 *   than maxCostUsd pays for
 */
export function writeSparkResults(s3: S3, args: readonly string[], failure: string | undefined): void {
  const planKey = (args.at(-1) ?? "").replace(`s3://${bucket}/`, "");
  const plan = s3.json(planKey) as Plan;
  const run = planKey.slice(0, -"plan.json".length);
  const images = failure === "GROWN" ? 1_000_000_000 : plan.counts.images - (failure === "INVALID" ? 1 : 0);
  const write = { inventory: writeInventory, features: writeFeatures, reduction: writeReduction };
  const job = (["inventory", "features", "reduction"] as const).find((name) => args.includes(name));
  if (job !== undefined) write[job](s3, run, plan, images);
}

function writeInventory(s3: S3, run: string, { counts, selection }: Plan, images: number): void {
  const { labels } = counts;
  const found = Math.max(counts.images, images);
  const selected = { images: found, labels, fingerprint: selection };
  s3.write(`${run}inventory/summary.json`, { images: found, labels, selected });
  s3.write(`${run}inventory/metadata/part-0.csv`, "s3_path,label\n");
  s3.write(`${run}inventory/stats/part-0.csv`, `split,label,count\nTraining,all,${images}\n`);
}

function writeFeatures(s3: S3, run: string, _plan: Plan, images: number): void {
  s3.write(`${run}features/summary.json`, {
    images,
    errors: 0,
    reasons: {},
    computed: images,
    reused: 0,
    changed: 0,
    dimensions: 1280,
    checks: [],
  });
  s3.write(`${run}features/csv/part-0.csv`, "path,label,features_string\n");
}

function writeReduction(s3: S3, run: string, { counts, model, pca: { components } }: Plan, images: number): void {
  const check = (name: string) => ({ name, ok: true, detail: "" });
  s3.write(`${run}model_info/model_info.json`, {
    pca_components: components,
    original_dimensions: 1280,
    reduced_dimensions: components,
    total_variance_explained: 0.95,
    num_images_processed: images,
    model: { name: "MobileNetV2", weights: "imagenet", sha256: model.sha256 },
    variance_by_component: [0.9, 0.05],
    cumulative_variance: [0.9, 0.95],
    labels: counts.labels,
    errors: 0,
    checks: ["row_count", "dimensions", "finite", "unique_paths", "variance"].map(check),
  });
  s3.write(`${run}pca/csv/part-0.csv`, "path,label,pca_features_string\n");
}
