import { sha256 } from "../aws/s3.ts";
import type { Counts } from "../contract/counts.ts";
import { byCodePoint } from "../contract/image-tree.ts";
import { Fingerprint } from "./fingerprint.ts";
import type { Listing } from "./list-images.ts";
import { type StoreSample, StoreSampler } from "./store-sample.ts";

export interface Image {
  readonly label: string;
  /** <split>/<label>/<file>, or <label>/<file> in a tree without splits. */
  readonly path: string;
  readonly bytes: number;
  readonly etag: string;
  /** In a storage class whose objects must be restored before they can be read. */
  readonly isArchived?: boolean;
}

/** The figures of a selection, which take the same memory for any number of images. */
export interface Selected {
  readonly counts: Counts;
  /** null when the counts are estimated. */
  readonly fingerprint: string | null;
  /** Images to look for in the features store. */
  readonly sample: StoreSample;
  /** Number of archived images; with estimated counts, of those that were listed. */
  readonly archived: number;
}

/** Larger limits are estimated: the images that they select would not fit into memory. */
const largestExactLimit = 200_000;

/**
 * Selects `limit` images round-robin over the labels in label order, and within a label in ascending order of the
 * hexadecimal sha256 of the path. The result does not depend on the order of the listing.
 */
export function selectEvenly(images: readonly Image[], limit: number): readonly Image[] {
  if (images.length <= limit) return images;
  const queues = [...Map.groupBy(images, ({ label }) => label).entries()]
    .sort(([a], [b]) => byCodePoint(a, b))
    .map(([, group]) => sortByDigest(group));
  const selected: Image[] = [];
  for (let round = 0; selected.length < limit; round += 1) {
    for (const queue of queues) {
      const image = queue[round];
      if (image && selected.length < limit) selected.push(image);
    }
  }
  return selected;
}

function sortByDigest(images: readonly Image[]): readonly Image[] {
  return images
    .map((image) => ({ image, digest: sha256(image.path) }))
    .sort((a, b) => (a.digest < b.digest ? -1 : 1))
    .map(({ image }) => image);
}

/** Adds up the figures of a selection of all images. */
class Figures {
  private readonly labels = new Set<string>();
  private readonly fingerprint = new Fingerprint();
  private readonly sampler = new StoreSampler();
  private readonly imageTree: string;
  private images = 0;
  private bytes = 0;
  private archived = 0;

  constructor(imageTree: string) {
    this.imageTree = imageTree;
  }

  add({ label, path, bytes, etag, isArchived }: Image): void {
    const uri = `${this.imageTree}${path}`;
    this.labels.add(label);
    this.images += 1;
    this.bytes += bytes;
    if (isArchived) this.archived += 1;
    this.fingerprint.add(uri, etag);
    this.sampler.add({ path: uri, etag });
  }

  exact(): Selected {
    const { images, labels, bytes, archived } = this;
    const counts = { images, labels: labels.size, bytes };
    return { counts, fingerprint: this.fingerprint.digits, sample: this.sampler.sample, archived };
  }

  /** Scales the figures to a whole selection. The added images are a sample of it. */
  estimated(images: number, labels: number): Selected {
    const bytes = Math.round((this.bytes / Math.max(1, this.images)) * images);
    const counts = { images, labels, bytes, estimated: true };
    return { counts, fingerprint: null, sample: this.sampler.sample, archived: this.archived };
  }
}

/** Receives the images of a listing one by one, and selects those of the run. Its memory does not grow with their number. */
export class Selector {
  private readonly figures: Figures;
  private readonly imageTree: string;
  private readonly limit: number | null;
  /** The images that a limit may select. */
  private candidates: readonly Image[] = [];
  private waiting: Image[] = [];
  private images = 0;

  constructor(imageTree: string, limit: number | null) {
    this.imageTree = imageTree;
    this.limit = limit;
    this.figures = new Figures(imageTree);
  }

  add(image: Image): void {
    this.images += 1;
    this.figures.add(image);
    if (this.limit === null || this.limit > largestExactLimit) return;
    this.waiting.push(image);
    if (this.waiting.length > this.limit + 1_000) this.drop(this.limit);
  }

  /** Drops the candidates beyond the limit. Later images can only displace others, so a dropped one cannot return. */
  private drop(limit: number): void {
    this.candidates = selectEvenly([...this.candidates, ...this.waiting], limit);
    this.waiting = [];
  }

  /**
   * @param unlisted estimated number of images that were not listed
   * @param selectedLabels number of labels that the mode selects, even if their images were not listed
   */
  select({ unlisted, selectedLabels }: Pick<Listing, "unlisted" | "selectedLabels">): Selected {
    const { figures, limit } = this;
    const images = this.images + unlisted;
    const isCut = limit !== null && images > limit;
    if (unlisted > 0 || (isCut && limit > largestExactLimit)) {
      return figures.estimated(isCut ? limit : images, selectedLabels);
    }
    if (!isCut) return figures.exact();
    this.drop(limit);
    const selected = new Figures(this.imageTree);
    for (const image of this.candidates) selected.add(image);
    return selected.exact();
  }
}
