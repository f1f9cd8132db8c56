import type { ReportFigures } from "../../../lambdas/contract/report-figures.ts";
import { element } from "../../shared/elements.ts";
import { unpackPicture } from "../unpack.ts";

/** Makes a small picture of an image, or null for one without a thumbnail. */
export type Thumbnail = (image: number) => HTMLCanvasElement | null;

/** Cuts thumbnails out of the strip. A thumbnail is drawn as soon as the strip has been decoded. */
export function thumbnailsOf(thumbnails: ReportFigures["thumbnails"]): Thumbnail {
  if (!thumbnails) return () => null;
  const { images, size, columns, jpegBase64 } = thumbnails;
  const positions = new Map(images.map((image, position) => [image, position]));
  const strip = unpackPicture(jpegBase64);
  return (image) => {
    const position = positions.get(image);
    if (position === undefined) return null;
    const canvas = element("canvas", { width: size, height: size, class: "thumbnail", "aria-hidden": "true" });
    const left = size * (position % columns);
    const top = size * Math.floor(position / columns);
    void strip.then((bitmap) => canvas.getContext("2d")?.drawImage(bitmap, left, top, size, size, 0, 0, size, size));
    return canvas;
  };
}
