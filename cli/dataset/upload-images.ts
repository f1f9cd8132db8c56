import prettyBytes from "pretty-bytes";
import type { Clients } from "../account/aws-clients.ts";
import type { Deployment } from "../deployment/deployed-stacks.ts";
import { formatDuration } from "../terminal/format-duration.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { Reporter } from "../terminal/progress-steps.ts";
import { places } from "../toolchain/places.ts";
import { syncToBucket } from "./bucket-sync.ts";
import { type Dataset, readDataset } from "./image-tree.ts";
import { makeSample } from "./sample-images.ts";

/** Reads the images of a folder, or generates the sample when `folder` is undefined. */
export async function openDataset(lifetime: Lifetime, folder: string | undefined): Promise<Dataset> {
  if (folder === undefined) await makeSample(places.sample, lifetime.signal);
  return readDataset(folder ?? places.sample);
}

interface UploadTarget {
  readonly clients: Clients;
  readonly deployment: Pick<Deployment, "bucket" | "inputPrefix">;
}

/**
 * Uploads new and changed images to the deployment's image tree.
 *
 * @param remove also deletes the objects that the dataset does not contain
 */
export async function uploadImages(
  lifetime: Lifetime,
  { clients, deployment: { bucket, inputPrefix } }: UploadTarget,
  dataset: Dataset,
  { status, title }: Reporter,
  remove = true,
): Promise<void> {
  const since = Date.now();
  const onProgress = (done: number, total: number): void => {
    const rate = (done * 1_000) / Math.max(1, Date.now() - since);
    const left = done > 0 ? `, ${formatDuration((total - done) / rate)} left` : "";
    if (total > 0) status(`${done}/${total}, ${rate.toFixed(0)} images/s${left}`);
  };
  const options = { bucket, prefix: inputPrefix, remove, signal: lifetime.signal, onProgress };
  const { uploaded, unchanged, removed } = await syncToBucket(clients.s3, dataset.files, options);
  const bytes = prettyBytes(dataset.files.reduce((sum, file) => sum + file.bytes, 0));
  const counts = [`${uploaded} uploaded`, `${unchanged} there already`, ...(removed > 0 ? [`${removed} removed`] : [])];
  title(`Images: ${dataset.files.length} (${bytes}) in s3://${bucket}/${inputPrefix}, ${counts.join(", ")}`);
}
