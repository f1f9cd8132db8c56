// The two ways in which `orchard upload` copies a dataset to the bucket: image by image, and as a pack.
import prettyBytes from "pretty-bytes";
import { packManifest } from "../../lambdas/contract/image-tree.ts";
import { imageTreeUri } from "../deployment/deployed-stacks.ts";
import { UsageError } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { Reporter } from "../terminal/progress-steps.ts";
import { bytesOf } from "../terminal/transfer.ts";
import type { Dataset } from "./image-tree.ts";
import { compareImages, describeUpload, type UploadTarget, uploadImages } from "./upload-images.ts";
import { estimateShards, examinePlace, refuseSingleImages, type UploadedPack, uploadPack } from "./upload-pack.ts";

interface UploadWish {
  readonly dataset: Dataset;
  /** Also removes what the dataset does not have. */
  readonly remove: boolean;
}

/** An upload that has been compared with the bucket. */
export interface PlannedUpload {
  readonly transfer: (lifetime: Lifetime, reporter: Reporter) => Promise<void>;
  /** Says after an interruption how much of the upload is done. */
  readonly soFar: () => string;
  /** The object of --json. With a dry run, the counts say what would be done. */
  readonly summarize: (dryRun: boolean) => object;
  readonly describe: (dryRun: boolean) => string;
}

function describeRest({ removed, others }: { readonly removed: number; readonly others: number }): readonly string[] {
  return [
    ...(removed > 0 ? [`${removed} would be removed`] : []),
    ...(others > 0 ? [`${others} others would stay (--delete removes them)`] : []),
  ];
}

/** @throws UsageError if the bucket has a pack, because runs would not use images beside it */
export async function planImagesUpload(
  to: UploadTarget,
  { dataset, remove }: UploadWish,
  { status, title }: Reporter,
): Promise<PlannedUpload> {
  const uri = imageTreeUri(to.deployment);
  const plan = await compareImages(to, dataset, { status });
  if (!remove && plan.remove.some(({ key }) => key === packManifest)) {
    throw new UsageError(
      `${uri} has a pack, which runs use alone: images beside it would stay unused. Add --pack to replace it by a pack of this folder, or --delete to replace it by the images. Nothing was uploaded.`,
    );
  }
  title(`Comparison: ${plan.upload.length} are new or changed`);
  const upload = { dataset, plan, remove };
  let done = 0;
  const summarize = (dryRun: boolean) => ({
    dryRun,
    folder: dataset.folder,
    uri,
    layout: dataset.layout,
    images: dataset.files.length,
    bytes: bytesOf(dataset.files),
    uploaded: plan.upload.length,
    uploadedBytes: bytesOf(plan.upload),
    unchanged: plan.unchanged,
    removed: remove ? plan.remove.length : 0,
    others: remove ? 0 : plan.remove.length,
    leftOut: dataset.leftOut,
  });
  return {
    transfer: async (lifetime, reporter) => {
      await uploadImages(lifetime, to, upload, reporter, ({ files }) => {
        done = files;
      });
      reporter.title(`Upload: ${done} images`);
    },
    soFar: () => `${done} of ${plan.upload.length} images were uploaded, each of them whole`,
    summarize,
    describe: (dryRun) => {
      if (!dryRun) return describeUpload(to, upload);
      const { images, uploaded, uploadedBytes, unchanged, ...rest } = summarize(dryRun);
      const details = [`${unchanged} are there already`, ...describeRest(rest)].join(", ");
      return `Nothing was done. ${uploaded} of ${images} images (${prettyBytes(uploadedBytes)}) would be uploaded to ${uri}; ${details}.`;
    },
  };
}

/** @throws UsageError if the bucket has images that runs would not use any more, unless they are to be removed */
export async function planPackUpload(
  to: UploadTarget,
  { dataset, remove }: UploadWish,
  { title }: Reporter,
): Promise<PlannedUpload> {
  const uri = imageTreeUri(to.deployment);
  const place = await examinePlace(to);
  if (!remove) refuseSingleImages(to, place);
  title(`Comparison: ${place.pack.length} files of a pack are there`);
  let done = 0;
  let uploaded: UploadedPack | undefined;
  const [removed, others] = remove ? [place.others.length, 0] : [0, place.others.length];
  const shards = estimateShards(dataset);
  const bytes = bytesOf(dataset.files);
  return {
    transfer: async (lifetime, reporter) => {
      uploaded = await uploadPack(lifetime, to, { dataset, place, remove }, reporter, (files) => {
        done = files;
      });
      reporter.title(`Upload: ${uploaded.packed.images} images in ${uploaded.packed.shards.length} files`);
    },
    soFar: () => `${done} of about ${shards} files of the pack are in the bucket, each of them whole`,
    summarize: (dryRun) => {
      const sent = uploaded?.files.filter(({ isNew }) => isNew);
      return {
        dryRun,
        folder: dataset.folder,
        uri,
        layout: dataset.layout,
        images: uploaded?.packed.images ?? dataset.files.length,
        bytes: uploaded?.packed.bytes ?? bytes,
        // Which files are there already is known only after the packing.
        shards: uploaded?.packed.shards.length ?? shards,
        uploaded: sent?.length ?? null,
        uploadedBytes: sent ? bytesOf(sent) : null,
        unchanged: uploaded && sent ? uploaded.files.length - sent.length : null,
        removed: uploaded?.removed.length ?? removed,
        others,
        leftOut: dataset.leftOut,
      };
    },
    describe: () =>
      uploaded
        ? describePack(uri, uploaded, others)
        : describePackDryRun({
            uri,
            images: dataset.files.length,
            bytes,
            shards,
            stored: place.pack.length,
            removed,
            others,
          }),
  };
}

interface Estimate {
  readonly uri: string;
  readonly images: number;
  readonly bytes: number;
  readonly shards: number;
  /** Number of files of a pack that are there. */
  readonly stored: number;
  readonly removed: number;
  readonly others: number;
}

function describePackDryRun({ uri, images, bytes, shards, stored, ...rest }: Estimate): string {
  const count = `${shards} ${shards === 1 ? "file" : "files"} and ${packManifest}`;
  const upload = `${images} images (${prettyBytes(bytes)}) would be uploaded to ${uri} as about ${count}, by ${shards + 1} requests instead of ${images}`;
  const equal = stored > 0 ? [`of the ${stored} files of a pack there, equal ones would stay`] : [];
  return `Nothing was done. ${[upload, ...equal, ...describeRest(rest)].join("; ")}.`;
}

function describePack(
  uri: string,
  { packed: { images, bytes, shards }, files, removed }: UploadedPack,
  others: number,
): string {
  const sent = files.filter(({ isNew }) => isNew);
  const counts = [
    `${sent.length} uploaded (${prettyBytes(bytesOf(sent))})`,
    `${files.length - sent.length} there already`,
    ...(removed.length > 0 ? [`${removed.length} others removed`] : []),
    ...(others > 0 ? [`${others} others stay (--delete removes them)`] : []),
  ];
  const number = `${shards.length} ${shards.length === 1 ? "file" : "files"} and ${packManifest}`;
  return `${images} images (${prettyBytes(bytes)}) as ${number} in ${uri}: ${counts.join(", ")}`;
}
