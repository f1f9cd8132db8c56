import type { Numbers } from "../unpack.ts";
import { type Disc, makeDisc, type Raster } from "./raster.ts";
import type { Coordinates, Scale, View } from "./view.ts";

/** Which images are drawn, and how. */
export interface Look {
  /** Packed colour of each label; a hidden label has none. */
  readonly colours: readonly (number | undefined)[];
  /** Whether each label is highlighted; undefined highlights all. */
  readonly highlighted: readonly boolean[] | undefined;
  readonly ground: number;
  readonly grid: number;
  /** Colour of the images that are not highlighted. */
  readonly faint: number;
}

/** A mixed drawing order, so that the last label does not hide the others. Steps of a prime visit each image once. */
export function drawingOrder(count: number): Uint32Array {
  const step = 982_451_653 % Math.max(1, count);
  return Uint32Array.from({ length: count }, (_, index) => (index * step) % count);
}

/** Radius of a point in pixels of the page: smaller the more points there are, larger when zoomed in. */
export function pointRadius(count: number, zoom: number): number {
  const radius = count > 20_000 ? 1.3 : count > 2_000 ? 2 : 4;
  return Math.min(6, radius * Math.min(3, zoom ** 0.4));
}

/** A scale as factor and offset in pixels of the raster: calling the scale for each point would take 20 times as long. */
function linear(scale: Scale, ratio: number): readonly [factor: number, offset: number] {
  const offset = scale(0) * ratio;
  return [scale(1) * ratio - offset, offset];
}

function drawGrid(raster: Raster, view: View, ratio: number, colour: number): void {
  for (const tick of view.x.ticks(6)) raster.column(Math.round(view.x(tick) * ratio), colour);
  for (const tick of view.y.ticks(6)) raster.row(Math.round(view.y(tick) * ratio), colour);
}

/** Draws all shown images, the highlighted ones above the others. @param ratio pixels of the raster in one of the page */
export function drawPoints(raster: Raster, view: View, images: PlotImages, look: Look, ratio: number): void {
  raster.clear(look.ground);
  drawGrid(raster, view, ratio, look.grid);
  const radius = pointRadius(images.order.length, view.transform.k) * ratio;
  const disc = makeDisc(radius, 0.85);
  if (look.highlighted) drawPass(raster, view, images, { ...look, disc, ratio, isHighlighted: false });
  drawPass(raster, view, images, { ...look, disc, ratio, isHighlighted: true });
}

export interface PlotImages {
  readonly coordinates: Coordinates;
  /** Position of each image's label. */
  readonly labels: Numbers;
  readonly order: Uint32Array;
}

interface Pass extends Look {
  readonly disc: Disc;
  readonly ratio: number;
  readonly isHighlighted: boolean;
}

function drawPass(raster: Raster, view: View, { coordinates, labels, order }: PlotImages, pass: Pass): void {
  const { colours, highlighted, disc, ratio, isHighlighted, faint } = pass;
  const [xFactor, xOffset] = linear(view.x, ratio);
  const [yFactor, yOffset] = linear(view.y, ratio);
  for (const image of order) {
    const label = labels[image] ?? 0;
    const colour = colours[label];
    if (colour === undefined || (highlighted?.[label] ?? true) !== isHighlighted) continue;
    const x = Math.round((coordinates.x[image] ?? 0) * xFactor + xOffset);
    const y = Math.round((coordinates.y[image] ?? 0) * yFactor + yOffset);
    raster.disc(x, y, disc, isHighlighted ? colour : faint);
  }
}

/** The shown image nearest to a position, at most `reach` pixels away; only highlighted ones if any are. */
export function imageAt(view: View, images: PlotImages, look: Look, at: { x: number; y: number }): number | undefined {
  const reach = 10;
  const [xFactor, xOffset] = linear(view.x, 1);
  const [yFactor, yOffset] = linear(view.y, 1);
  let nearest: number | undefined;
  let least = reach ** 2;
  for (let image = 0; image < images.labels.length; image += 1) {
    const label = images.labels[image] ?? 0;
    if (look.colours[label] === undefined || look.highlighted?.[label] === false) continue;
    const dx = (images.coordinates.x[image] ?? 0) * xFactor + xOffset - at.x;
    const dy = (images.coordinates.y[image] ?? 0) * yFactor + yOffset - at.y;
    const distance = dx * dx + dy * dy;
    if (distance < least) {
      least = distance;
      nearest = image;
    }
  }
  return nearest;
}
