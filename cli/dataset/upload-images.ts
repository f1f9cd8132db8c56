import { basename, dirname, resolve } from "node:path";
import prettyBytes from "pretty-bytes";
import { describeLeftOut, isSplitName, type Layout } from "../../lambdas/contract/image-tree.ts";
import { formatCount, plural } from "../../shared/formatting.ts";
import type { Clients } from "../account/aws-clients.ts";
import { type Deployment, imageTreeUri } from "../deployment/deployed-stacks.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { Reporter } from "../terminal/progress-steps.ts";
import { bytesOf, describeTransfer, type TransferProgress } from "../terminal/transfer.ts";
import { fromPerson, places } from "../toolchain/places.ts";
import { checkBucket, compareWithBucket, removeFiles, type SyncPlan, uploadFiles } from "./bucket-sync.ts";
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
  if (folder !== undefined) return readDataset(fromPerson(folder), options);
  await makeSample(places.sample, lifetime.signal);
  // Do not report the sample's own files beside its images.
  return { ...(await readDataset(places.sample, options)), leftOut: [] };
}

export interface UploadTarget {
  readonly clients: Clients;
  readonly deployment: Pick<Deployment, "bucket" | "inputPrefix">;
}

/** Compares a dataset with the deployment's image tree. */
export function compareImages(
  { clients, deployment: { bucket, inputPrefix: prefix } }: UploadTarget,
  dataset: Dataset,
  { status }: Pick<Reporter, "status">,
): Promise<SyncPlan> {
  const { length } = dataset.files;
  const onCompared = (files: number): void => status(`${files}/${length} images`);
  return compareWithBucket(clients.s3, dataset.files, { bucket, prefix }, onCompared);
}

/** Lines about a dataset that a person should read before it is used. */
export function describeDataset({ folder, layout, leftOut }: Dataset): readonly string[] {
  const lines = leftOut.map(describeLeftOut);
  if (layout === "split/label" || !isSplitName(basename(resolve(folder)))) return lines;
  const above = dirname(resolve(folder));
  return [
    ...lines,
    `${resolve(folder)} is used as a tree without splits. To use it as a split, pass the folder above it: ${above}`,
  ];
}

export interface Upload {
  readonly dataset: Dataset;
  readonly plan: SyncPlan;
  /** Also deletes the objects that the dataset does not contain. */
  readonly remove: boolean;
}

/**
 * Uploads new and changed images to the deployment's image tree, and compares the bucket with the dataset afterwards.
 *
 * @param onProgress receives the progress that the step shows
 */
export async function uploadImages(
  lifetime: Lifetime,
  { clients: { s3 }, deployment: { bucket, inputPrefix: prefix } }: UploadTarget,
  { dataset, plan, remove }: Upload,
  { status }: Pick<Reporter, "status">,
  onProgress: (progress: TransferProgress) => void = () => undefined,
): Promise<void> {
  const target = { bucket, prefix };
  const since = Date.now();
  const report = (progress: TransferProgress): void => {
    status(describeTransfer(progress, (Date.now() - since) / 1_000, "images"));
    onProgress(progress);
  };
  await uploadFiles(s3, plan.upload, target, { signal: lifetime.signal, onProgress: report });
  const removed = remove ? plan.remove : [];
  await removeFiles(s3, removed, target);
  if (plan.upload.length + removed.length === 0) return;
  status("comparing the bucket with the dataset");
  await checkBucket(s3, { files: dataset.files, removed }, target);
}

/** Describes in a line the image tree that an upload leaves. */
export function describeUpload({ deployment }: UploadTarget, { dataset, plan, remove }: Upload): string {
  const others = formatCount(plan.remove.length);
  const counts = [
    `${formatCount(plan.upload.length)} uploaded`,
    `${formatCount(plan.unchanged)} there already`,
    ...(plan.remove.length > 0 ? [remove ? `${others} removed` : `${others} others stay (--delete removes them)`] : []),
  ];
  const layout = dataset.layout === "label" ? " as <label>/<image>, without splits," : "";
  const size = prettyBytes(bytesOf(dataset.files));
  return `${plural(dataset.files.length, "image")} (${size})${layout} in ${imageTreeUri(deployment)}: ${counts.join(", ")}`;
}
