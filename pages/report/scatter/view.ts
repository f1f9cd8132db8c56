import { type ScaleLinear, scaleLinear } from "d3-scale";
import { type ZoomTransform, zoomIdentity } from "d3-zoom";

export const margin = { top: 8, right: 8, bottom: 40, left: 52 };

export interface Coordinates {
  readonly x: Float32Array;
  readonly y: Float32Array;
}

export type Scale = ScaleLinear<number, number>;

function extent(values: Float32Array): readonly [number, number] {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const padding = (most - least || 1) * 0.04;
  return [least - padding, most + padding];
}

/** Maps the visible part of the coordinates to pixels of the page within the axes. */
export class View {
  readonly #scales: Readonly<Record<"x" | "y", Scale>>;
  #shown: Readonly<Record<"x" | "y", Scale>>;
  #transform: ZoomTransform = zoomIdentity;
  width = 1;
  height = 1;

  constructor({ x, y }: Coordinates) {
    this.#scales = { x: scaleLinear(extent(x), [0, 1]), y: scaleLinear(extent(y), [1, 0]) };
    this.#shown = this.#scales;
  }

  get transform(): ZoomTransform {
    return this.#transform;
  }

  get x(): Scale {
    return this.#shown.x;
  }

  get y(): Scale {
    return this.#shown.y;
  }

  resize(width: number, height: number): void {
    this.width = width;
    this.height = height;
    this.#scales.x.range([0, width]);
    this.#scales.y.range([height, 0]);
    this.zoom(this.#transform);
  }

  zoom(transform: ZoomTransform): void {
    this.#transform = transform;
    this.#shown = { x: transform.rescaleX(this.#scales.x), y: transform.rescaleY(this.#scales.y) };
  }
}
