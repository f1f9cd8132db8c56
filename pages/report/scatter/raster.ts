import type { Rgb } from "./palette.ts";

/** A pixel of a disc: where it lies from the center, and how much of it the disc covers, from 1 to 256. */
interface DiscPixel {
  readonly dx: number;
  readonly dy: number;
  readonly coverage: number;
}

export interface Disc {
  /** Largest distance of a pixel from the center. */
  readonly reach: number;
  readonly pixels: readonly DiscPixel[];
}

/** The pixels of a disc with smooth edges. */
export function makeDisc(radius: number, opacity: number): Disc {
  const reach = Math.ceil(radius);
  const pixels: DiscPixel[] = [];
  for (let dy = -reach; dy <= reach; dy += 1) {
    for (let dx = -reach; dx <= reach; dx += 1) {
      const coverage = Math.round(256 * opacity * Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(dx, dy))));
      if (coverage > 0) pixels.push({ dx, dy, coverage });
    }
  }
  return { reach, pixels };
}

/** A colour as one number, in the order of the bytes of ImageData. */
export function packColour([red, green, blue]: Rgb): number {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** Mixes two packed colours. Red and blue are mixed at once, because 8 bits lie between them. */
function mix(under: number, over: number, coverage: number): number {
  const rest = 256 - coverage;
  const redBlue = (((under & 0xff00ff) * rest + (over & 0xff00ff) * coverage) >>> 8) & 0xff00ff;
  const green = (((under & 0x00ff00) * rest + (over & 0x00ff00) * coverage) >>> 8) & 0x00ff00;
  return (0xff000000 | redBlue | green) >>> 0;
}

/** An image of opaque pixels into which discs are drawn: much faster than a canvas's own operations for many points. */
export class Raster {
  readonly width: number;
  readonly height: number;
  readonly #image: ImageData;
  readonly #pixels: Uint32Array;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.#image = new ImageData(width, height);
    this.#pixels = new Uint32Array(this.#image.data.buffer);
  }

  clear(colour: number): void {
    this.#pixels.fill(colour);
  }

  column(x: number, colour: number): void {
    if (x < 0 || x >= this.width) return;
    for (let at = x; at < this.#pixels.length; at += this.width) this.#pixels[at] = colour;
  }

  row(y: number, colour: number): void {
    if (y >= 0 && y < this.height) this.#pixels.fill(colour, y * this.width, (y + 1) * this.width);
  }

  disc(x: number, y: number, { reach, pixels }: Disc, colour: number): void {
    if (x < reach || y < reach || x >= this.width - reach || y >= this.height - reach) return;
    const center = y * this.width + x;
    for (const { dx, dy, coverage } of pixels) {
      const at = center + dy * this.width + dx;
      this.#pixels[at] = coverage >= 256 ? colour : mix(this.#pixels[at] ?? 0, colour, coverage);
    }
  }

  show(context: Pick<CanvasRenderingContext2D, "putImageData">): void {
    context.putImageData(this.#image, 0, 0);
  }
}
