import { basename, dirname, resolve } from "node:path";
import prettyBytes from "pretty-bytes";
import { describeLeftOut, isSplitName, type Layout } from "../../lambdas/contract/image-tree.ts";
import type { Clients } from "../account/aws-clients.ts";
import type { Deployment } from "../deployment/deployed-stacks.ts";
import { formatDuration } from "../terminal/format-duration.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { Reporter } from "../terminal/progress-steps.ts";
import { places } from "../toolchain/places.ts";
import { compareWithBucket, removeFiles, type SyncPlan, uploadFiles } from "./bucket-sync.ts";
import { type Dataset, readDataset } from "./image-tree.ts";
import { makeSample } from "./sample-images.ts";

interface DatasetChoice {
  /** undefined generates the sample. */
  readonly folder: string | undefined;
  readonly layout?: Layout | undefined;
  /** The command without the folder, for messages. */
  readonly command: string;
}

/** Reads the images of a folder, or generates the sample. */
export async function openDataset(lifetime: Lifetime, { folder, ...options }: DatasetChoice): Promise<Dataset> {
  if (folder !== undefined) return readDataset(folder, options);
  await makeSample(places.sample, lifetime.signal);
  // The sample's own files beside its images are no concern of the person.
  return { ...(await readDataset(places.sample, options)), leftOut: [] };
}

interface UploadTarget {
  readonly clients: Clients;
  readonly deployment: Pick<Deployment, "bucket" | "inputPrefix">;
}

/** Compares a dataset with the deployment's image tree. */
export function compareImages(
  { clients, deployment: { bucket, inputPrefix: prefix } }: UploadTarget,
  dataset: Dataset,
): Promise<SyncPlan> {
  return compareWithBucket(clients.s3, dataset.files, { bucket, prefix });
}

interface Upload {
  readonly dataset: Dataset;
  readonly plan: SyncPlan;
  /** Also deletes the objects that the dataset does not contain. */
  readonly remove: boolean;
}

/** Uploads new and changed images to the deployment's image tree. */
export async function uploadImages(
  lifetime: Lifetime,
  { clients, deployment: { bucket, inputPrefix: prefix } }: UploadTarget,
  { dataset, plan, remove }: Upload,
  { status, line, title }: Reporter,
): Promise<void> {
  for (const each of dataset.leftOut) line(describeLeftOut(each));
  const folder = resolve(dataset.folder);
  if (dataset.layout === "label" && isSplitName(basename(folder)))
    line(
      `${folder} is used as a tree without splits. To use it as a split, pass the folder above it: ${dirname(folder)}`,
    );
  const since = Date.now();
  const onProgress = (done: number, total: number): void => {
    const rate = (done * 1_000) / Math.max(1, Date.now() - since);
    const left = done > 0 ? `, ${formatDuration((total - done) / rate)} left` : "";
    if (total > 0) status(`${done}/${total}, ${rate.toFixed(0)} images/s${left}`);
  };
  await uploadFiles(clients.s3, plan.upload, { bucket, prefix, signal: lifetime.signal, onProgress });
  if (remove) await removeFiles(clients.s3, plan.remove, { bucket, prefix });
  const bytes = prettyBytes(dataset.files.reduce((sum, file) => sum + file.bytes, 0));
  const others = plan.remove.length;
  const counts = [
    `${plan.upload.length} uploaded`,
    `${plan.unchanged} there already`,
    ...(others > 0 ? [remove ? `${others} removed` : `${others} others stay (--delete removes them)`] : []),
  ];
  const layout = dataset.layout === "label" ? " as <label>/<image>, without splits," : "";
  title(`Images: ${dataset.files.length} (${bytes})${layout} in s3://${bucket}/${prefix}, ${counts.join(", ")}`);
}
