// Packs a folder and uploads the pack's files as they are finished, so that only a few of them are on the disk.
import { mkdtemp, rm, stat, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { S3Client } from "@aws-sdk/client-s3";
import prettyBytes from "pretty-bytes";
import { hasImageEnding, isPackFile, packManifest, quoteName } from "../../lambdas/contract/image-tree.ts";
import { plural } from "../../shared/formatting.ts";
import { imageTreeUri } from "../deployment/deployed-stacks.ts";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { Reporter } from "../terminal/progress-steps.ts";
import { bytesOf, describeTransfer } from "../terminal/transfer.ts";
import { checkBucket, listObjects, md5OfFile, type RemoteFile, removeFiles, uploadFile } from "./bucket-sync.ts";
import type { Dataset } from "./image-tree.ts";
import { type Packed, type PackProgress, runPacker } from "./packer.ts";
import type { UploadTarget } from "./upload-images.ts";

/** Size at which a file is complete: SHARD_BYTES of spark/orchard/pack/shards.py. */
const defaultShardBytes = 128 * 1024 ** 2;
/** Size of a row group: GROUP_BYTES there. */
const groupBytes = 8 * 1024 ** 2;
/** Files on the disk at a time: one is uploaded while the next one is written. */
const filesOnDisk = 2;

/** Sorts the objects at the image tree's place in the bucket. */
export interface PackPlace {
  /** The files of a pack, which may be incomplete. */
  readonly pack: readonly RemoteFile[];
  readonly others: readonly RemoteFile[];
}

/** Lists what is at the image tree's place. */
export async function examinePlace({ clients, deployment }: UploadTarget): Promise<PackPlace> {
  const { bucket, inputPrefix } = deployment;
  const found = Object.groupBy(await listObjects(clients.s3, bucket, inputPrefix), ({ key }) =>
    isPackFile(key) ? "pack" : "others",
  );
  return { pack: found.pack ?? [], others: found.others ?? [] };
}

/** @throws UsageError if there are images that runs would not use any more */
export function refuseSingleImages({ deployment }: UploadTarget, { others }: PackPlace): void {
  const images = others.filter(({ key }) => hasImageEnding(key));
  const [first] = images;
  if (first === undefined) return;
  const count = plural(images.length, "single image");
  throw new UsageError(
    `${imageTreeUri(deployment)} has ${count}, such as ${quoteName(first.key)}. With a pack there, runs would use the pack alone, and these images would stay unused. Add --delete to remove them after the upload of the pack, or leave out --pack to add to them. Nothing was uploaded.`,
  );
}

/** Returns the least number of files that a pack of the dataset has. */
export function estimateShards({ files }: Dataset): number {
  return Math.ceil(bytesOf(files) / defaultShardBytes);
}

/** Returns the most bytes that the packing of a dataset needs on the disk. */
function neededBytes({ files }: Dataset): number {
  const largest = files.reduce((most, { bytes }) => Math.max(most, bytes), groupBytes);
  // An image takes some 100 bytes in addition, and a file some kB.
  return Math.min(filesOnDisk * (defaultShardBytes + largest), 2 * bytesOf(files) + groupBytes);
}

/** @throws CommandFailed if a folder's disk has less room */
export async function requireSpace(folder: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= needed) return;
  throw new CommandFailed(
    `Packing needs ${prettyBytes(needed)} for files that wait for their upload, but ${folder} has ${prettyBytes(bavail * bsize)} left. Free some, or set TMPDIR to a folder with more.`,
  );
}

/** @throws CommandFailed if the packer finds fewer images than an upload without it would send */
function requireAllImages({ files }: Dataset, found: number): void {
  if (found >= files.length) return;
  throw new CommandFailed(
    `The pack would have only ${found} of the ${files.length} images: the others are in folders that are links, which a pack does not follow, or were removed meanwhile. Put the folders in place of the links, or leave out --pack.`,
  );
}

export interface PackUpload {
  readonly dataset: Dataset;
  readonly place: PackPlace;
  /** Also deletes the objects that are no part of the pack. */
  readonly remove: boolean;
  readonly shardBytes?: number;
}

/** A file that is in the bucket. */
interface SentFile {
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
  readonly isNew: boolean;
}

export interface UploadedPack {
  readonly packed: Packed;
  readonly files: readonly SentFile[];
  /** Objects that were deleted: files of an earlier pack and, if they were to be removed, others. */
  readonly removed: readonly RemoteFile[];
}

/** Sends the files of a pack that the bucket does not have. Before the first one, it removes pack.json of an earlier pack. */
class Sender {
  readonly sent: SentFile[] = [];
  readonly #s3: S3Client;
  readonly #target: { readonly bucket: string; readonly prefix: string };
  readonly #signal: AbortSignal;
  readonly #stored: Map<string, RemoteFile>;
  #withdrawal: Promise<void> | undefined;

  constructor({ clients, deployment }: UploadTarget, { pack }: PackPlace, signal: AbortSignal) {
    this.#s3 = clients.s3;
    this.#target = { bucket: deployment.bucket, prefix: deployment.inputPrefix };
    this.#signal = signal;
    this.#stored = new Map(pack.map((file) => [file.key, file]));
  }

  /** Sends a file of the folder, and removes it from there. */
  async send(folder: string, key: string): Promise<void> {
    const path = join(folder, key);
    const { size: bytes } = await stat(path);
    const stored = this.#stored.get(key);
    const isThere = stored?.bytes === bytes && stored.etag === (await md5OfFile(path));
    if (!isThere) await this.#withdraw();
    const etag = isThere ? stored.etag : await uploadFile(this.#s3, { key, path }, this.#target, this.#signal);
    this.sent.push({ key, bytes, etag, isNew: !isThere });
    await rm(path);
  }

  async check(removed: readonly RemoteFile[]): Promise<void> {
    await checkBucket(this.#s3, { files: this.sent, removed, unit: "files of the pack" }, this.#target);
  }

  async remove(files: readonly RemoteFile[]): Promise<void> {
    await removeFiles(this.#s3, files, this.#target);
  }

  /** Removes pack.json, so that no run reads a mixture of two packs. */
  #withdraw(): Promise<void> {
    const manifest = this.#stored.get(packManifest);
    this.#withdrawal ??= manifest ? this.remove([manifest]) : Promise.resolve();
    this.#stored.delete(packManifest);
    return this.#withdrawal;
  }
}

/**
 * Packs a dataset and uploads the pack, pack.json last and only if the bucket has all other files as they were sent. After
 * an interruption, the same call sends the files that are not there.
 *
 * @param onProgress receives the number of files that are in the bucket
 * @throws CommandFailed when there is no room, the packing failed, or the bucket has something else afterwards
 */
export async function uploadPack(
  lifetime: Lifetime,
  to: UploadTarget,
  { dataset, place, remove, shardBytes = defaultShardBytes }: PackUpload,
  { status }: Pick<Reporter, "status">,
  onProgress: (files: number) => void,
): Promise<UploadedPack> {
  await requireSpace(tmpdir(), neededBytes(dataset));
  const folder = await mkdtemp(join(tmpdir(), "orchard-pack-"));
  const removeFolder = lifetime.defer(() => rm(folder, { recursive: true, force: true }));
  const sender = new Sender(to, place, lifetime.signal);
  const since = Date.now();
  const report = ({ phase, done, total }: PackProgress): void => {
    if (phase === "list") {
      status(`${plural(done, "image")} found`);
      return;
    }
    requireAllImages(dataset, total);
    const progress = {
      files: done,
      totalFiles: total,
      bytes: bytesOf(sender.sent),
      totalBytes: bytesOf(dataset.files),
    };
    status(describeTransfer(progress, (Date.now() - since) / 1_000, "images packed"));
  };
  const take = async ({ name }: { readonly name: string }): Promise<void> => {
    await sender.send(folder, name);
    onProgress(sender.sent.length);
  };
  const handOver = { most: filesOnDisk, take };
  const { folder: source, layout } = dataset;
  const wish = { source, target: folder, layout, shardBytes, onProgress: report, handOver };
  const packed = await runPacker(lifetime, wish);
  status("comparing the bucket with the pack");
  await sender.check([]);
  await sender.send(folder, packManifest);
  const keys = new Set(sender.sent.map(({ key }) => key));
  const removed = [...place.pack.filter(({ key }) => !keys.has(key)), ...(remove ? place.others : [])];
  await sender.remove(removed);
  await sender.check(removed);
  await removeFolder();
  return { packed, files: sender.sent, removed };
}
