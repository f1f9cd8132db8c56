import { hash } from "node:crypto";

/** An image as the features store knows it. */
export interface StoredKey {
  /** s3:// URI. */
  readonly path: string;
  readonly etag: string;
}

/** The images of a selection to look for in the features store: all, or those in some of the 256 buckets. */
export interface StoreSample {
  readonly images: readonly StoredKey[];
  /** The images are those whose bucket is below this number: 256 for all. */
  readonly buckets: number;
}

/** The bucket of an image, 0 to 255: the first byte of the sha256 of its path. */
export function bucketOf(path: string): number {
  return Number.parseInt(hash("sha256", path).slice(0, 2), 16);
}

/** A set of this size takes some 30 MB. */
const mostKept = 100_000;

/** Keeps the images of a selection, or a random part of a large one, in bounded memory. */
export class StoreSampler {
  private kept: StoredKey[] = [];
  private buckets = 256;
  private readonly most: number;

  constructor(most = mostKept) {
    this.most = most;
  }

  add(image: StoredKey): void {
    if (this.buckets < 256 && bucketOf(image.path) >= this.buckets) return;
    this.kept.push(image);
    while (this.kept.length > this.most && this.buckets > 1) {
      this.buckets /= 2;
      this.kept = this.kept.filter(({ path }) => bucketOf(path) < this.buckets);
    }
  }

  get sample(): StoreSample {
    return { images: this.kept, buckets: this.buckets };
  }
}
