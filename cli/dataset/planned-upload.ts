// The two ways in which `orchard upload` copies a dataset to the bucket: image by image, and as a pack.
import prettyBytes from "pretty-bytes";
import { packManifest } from "../../lambdas/contract/image-tree.ts";
import { formatCount, plural } from "../../shared/formatting.ts";
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
    ...(removed > 0 ? [`${formatCount(removed)} would be removed`] : []),
    ...(others > 0 ? [`${formatCount(others)} others would stay (--delete removes them)`] : []),
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
      reporter.title(`Upload: ${plural(done, "image")}`);
    },
    soFar: () => `${formatCount(done)} of ${plural(plan.upload.length, "image")} were uploaded, each of them whole`,
    summarize,
    describe: (dryRun) => {
      if (!dryRun) return describeUpload(to, upload);
      const { images, uploaded, uploadedBytes, unchanged, ...rest } = summarize(dryRun);
      const details = [`${formatCount(unchanged)} are there already`, ...describeRest(rest)].join(", ");
      return `Nothing was done. ${formatCount(uploaded)} of ${plural(images, "image")} (${prettyBytes(uploadedBytes)}) would be uploaded to ${uri}; ${details}.`;
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
  title(`Comparison: ${plural(place.pack.length, "file")} of a pack found`);
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
      reporter.title(
        `Upload: ${plural(uploaded.packed.images, "image")} in ${plural(uploaded.packed.shards.length, "file")}`,
      );
    },
    soFar: () =>
      `${formatCount(done)} of about ${plural(shards, "file")} of the pack are in the bucket, each of them whole`,
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
  const count = `${plural(shards, "file")} and ${packManifest}`;
  const upload = `${plural(images, "image")} (${prettyBytes(bytes)}) would be uploaded to ${uri} as about ${count}, by ${formatCount(shards + 1)} requests instead of ${formatCount(images)}`;
  const equal = stored > 0 ? [`of the ${plural(stored, "file")} of a pack there, equal ones would stay`] : [];
  return `Nothing was done. ${[upload, ...equal, ...describeRest(rest)].join("; ")}.`;
}

function describePack(
  uri: string,
  { packed: { images, bytes, shards }, files, removed }: UploadedPack,
  others: number,
): string {
  const sent = files.filter(({ isNew }) => isNew);
  const counts = [
    `${formatCount(sent.length)} uploaded (${prettyBytes(bytesOf(sent))})`,
    `${formatCount(files.length - sent.length)} there already`,
    ...(removed.length > 0 ? [`${formatCount(removed.length)} others removed`] : []),
    ...(others > 0 ? [`${formatCount(others)} others stay (--delete removes them)`] : []),
  ];
  const number = `${plural(shards.length, "file")} and ${packManifest}`;
  return `${plural(images, "image")} (${prettyBytes(bytes)}) as ${number} in ${uri}: ${counts.join(", ")}`;
}
