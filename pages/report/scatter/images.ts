import type { ReportFigures } from "../../../lambdas/contract/report-figures.ts";
import { type Numbers, unpackNumbers } from "../unpack.ts";

export interface Neighbour {
  readonly image: number;
  readonly distance: number;
}

/** The images of the picture: their paths, labels and nearest images. */
export class Images {
  readonly count: number;
  readonly labels: Numbers;
  readonly #figures: ReportFigures;
  readonly #neighbours: Numbers;
  /** Position in the sample of each image that is in it. */
  readonly #sampled: ReadonlyMap<number, number>;

  /** Position of each image by its path, once it is needed. */
  #positions: ReadonlyMap<string, number> | undefined;

  constructor(figures: ReportFigures) {
    this.#figures = figures;
    this.count = figures.images.paths.length;
    this.labels = unpackNumbers(figures.images.labels);
    this.#neighbours = unpackNumbers(figures.sample.neighbours);
    this.#sampled = new Map(figures.sample.images.map((image, position) => [image, position]));
  }

  path(image: number): string {
    return this.#figures.images.prefix + this.shortPath(image);
  }

  /** The path without the part that all paths have in common. */
  shortPath(image: number): string {
    return this.#figures.images.paths[image] ?? "";
  }

  label(image: number): string {
    return this.#figures.labels[this.labels[image] ?? 0]?.label ?? "";
  }

  /** The nearest images of an image of the sample, the nearest first; undefined for an image outside of the sample. */
  neighbours(image: number): readonly Neighbour[] | undefined {
    const position = this.#sampled.get(image);
    if (position === undefined) return undefined;
    const { images, neighbours, distances } = this.#figures.sample;
    return (distances[position] ?? []).map((distance, index) => ({
      image: images[this.#neighbours[position * neighbours.columns + index] ?? 0] ?? 0,
      distance,
    }));
  }

  /** The image with this path; undefined if the picture does not have it. */
  find(path: string): number | undefined {
    this.#positions ??= new Map(this.#figures.images.paths.map((_, image) => [this.path(image), image]));
    return this.#positions.get(path);
  }

  /** The images whose paths contain a text, regardless of case. */
  search(text: string): readonly number[] {
    const wanted = text.toLowerCase();
    const found: number[] = [];
    for (let image = 0; image < this.count; image += 1) {
      if (this.path(image).toLowerCase().includes(wanted)) found.push(image);
    }
    return found;
  }
}
