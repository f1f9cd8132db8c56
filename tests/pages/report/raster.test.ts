// ImageData exists in browsers only; a raster needs no more of it than its bytes.
import { beforeAll, describe, expect, it, vi } from "vitest";
import { drawingOrder } from "../../../pages/report/scatter/points.ts";
import { makeDisc, packColour, Raster } from "../../../pages/report/scatter/raster.ts";

class FakeImageData {
  readonly data: Uint8ClampedArray;

  constructor(width: number, height: number) {
    this.data = new Uint8ClampedArray(width * height * 4);
  }
}

beforeAll(() => {
  vi.stubGlobal("ImageData", FakeImageData);
  return () => vi.unstubAllGlobals();
});

/** The pixels that differ from black, by their positions. */
function pixelsOf(raster: Raster): ReadonlyMap<number, readonly number[]> {
  let data: Uint8ClampedArray = new Uint8ClampedArray();
  raster.show({
    putImageData: (image: ImageData) => {
      data = new Uint8ClampedArray(image.data);
    },
  });
  const pixels = Array.from({ length: data.length / 4 }, (_, at) => [...data.slice(4 * at, 4 * at + 3)]);
  return new Map([...pixels.entries()].filter(([, rgb]) => rgb.some((value) => value > 0)));
}

function blackRaster(): Raster {
  const raster = new Raster(9, 9);
  raster.clear(packColour([0, 0, 0]));
  return raster;
}

describe("a disc", () => {
  it("is opaque in the middle and mixes with the ground at its edge", () => {
    const raster = blackRaster();

    raster.disc(4, 4, makeDisc(1.2, 1), packColour([200, 100, 50]));

    const pixels = pixelsOf(raster);
    expect(pixels.get(4 * 9 + 4)).toEqual([200, 100, 50]);
    expect(pixels.get(3 * 9 + 3)).toEqual([57, 28, 14]);
    expect(pixels.size).toBe(9);
  });

  it.each([
    [-3, 4],
    [4, -3],
    [12, 4],
    [4, 12],
    [0, 4],
    [8, 8],
  ])("at %i, %i does not reach over the edge to the other side", (x, y) => {
    const raster = blackRaster();

    raster.disc(x, y, makeDisc(2, 1), packColour([255, 255, 255]));

    for (const at of pixelsOf(raster).keys()) {
      expect(Math.abs((at % 9) - x)).toBeLessThanOrEqual(2);
      expect(Math.abs(Math.floor(at / 9) - y)).toBeLessThanOrEqual(2);
    }
  });
});

it.each([1, 2, 3, 1_000, 67_692])("the drawing order of %i images has each of them once", (count) => {
  expect(new Set(drawingOrder(count)).size).toBe(count);
});
