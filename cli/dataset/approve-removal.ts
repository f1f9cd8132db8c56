import { existsSync } from "node:fs";
import { join } from "node:path";
import { hasImageEnding, isPackFile, quoteName } from "../../lambdas/contract/image-tree.ts";
import { plural } from "../../shared/formatting.ts";
import { UsageError } from "../terminal/command-errors.ts";
import { isConfirmed } from "../terminal/confirm.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { places } from "../toolchain/places.ts";
import { md5OfFile, type RemoteFile, type SyncPlan } from "./bucket-sync.ts";
import { sampleImages } from "./sample-images.ts";

/** Share of the bucket's images that may be removed without a question. */
const shareWithoutQuestion = 0.1;

const sampleKeys = new Set(sampleImages.map(({ key }) => key));

/** Whether an object is an image of the sample, which can be generated again. */
async function isSample({ key, etag }: RemoteFile): Promise<boolean> {
  const path = join(places.sample, key);
  return sampleKeys.has(key) && existsSync(path) && (await md5OfFile(path)) === etag;
}

/** Returns the images or the files of a pack whose removal a person has to approve; none if no approval is needed. */
export async function findRiskyRemoval({ remove, stored }: SyncPlan): Promise<readonly RemoteFile[]> {
  const pack = remove.filter(({ key }) => isPackFile(key));
  if (pack.length > 0) return pack;
  const isMuch = (count: number): boolean => count > shareWithoutQuestion * stored;
  const images = remove.filter(({ key }) => hasImageEnding(key));
  if (!isMuch(images.length)) return [];
  const samples = await Promise.all(images.map(isSample));
  const own = images.filter((_, index) => !samples[index]);
  return isMuch(own.length) ? own : [];
}

interface Removal {
  /** The images, as s3:// URI of their folder. */
  readonly uri: string;
  /** Description of the dataset that replaces them. */
  readonly dataset: string;
  /** Whether the person gave --delete. */
  readonly approved: boolean;
  /** Whether a question may be asked on the terminal. */
  readonly interactive: boolean;
}

/**
 * Asks before a sync removes more than a tenth of the bucket's images.
 *
 * @throws UsageError when the person refuses, or when there is no terminal and no --delete
 */
export async function approveRemoval(
  lifetime: Lifetime,
  plan: SyncPlan,
  { uri, dataset, approved, interactive }: Removal,
): Promise<void> {
  if (approved) return;
  const images = await findRiskyRemoval(plan);
  const [first] = images;
  if (first === undefined) return;
  const such = `in ${uri} that ${dataset} does not have, such as ${quoteName(first.key)}`;
  const count = plural(images.length, "file");
  const removal = isPackFile(first.key)
    ? `a pack of ${count} ${such}`
    : `${images.length} of the ${plan.stored} images ${such}`;
  if (!interactive) {
    throw new UsageError(
      `This would remove ${removal}. Add --delete to remove them, or pass the folder that has them with --dataset.`,
    );
  }
  if (await isConfirmed(lifetime, `Remove ${removal}?`, false)) return;
  throw new UsageError(
    "Nothing was uploaded or removed. To use the images in the bucket, pass the folder that has them.",
  );
}
