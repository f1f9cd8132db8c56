import { formatCount } from "../../../shared/formatting.ts";
import { element, name } from "../../shared/elements.ts";
import { formatValue } from "../../shared/numbers.ts";
import type { Images } from "./images.ts";
import type { Thumbnail } from "./thumbnails.ts";

/** Shows an image by its thumbnail, its label and its path. */
export function describeImage(images: Images, image: number, thumbnail: Thumbnail): HTMLElement {
  return element(
    "span",
    { class: "image" },
    thumbnail(image) ?? element("span", { class: "thumbnail none", "aria-hidden": "true" }),
    element(
      "span",
      {},
      element("strong", {}, name(images.label(image))),
      element("span", { class: "path soft" }, name(images.shortPath(image))),
    ),
  );
}

export interface ImageList {
  readonly images: Images;
  readonly thumbnail: Thumbnail;
  readonly onSelect: (image: number) => void;
}

/** An image as a button that selects it. */
export function imageButton({ images, thumbnail, onSelect }: ImageList, image: number, note?: string): HTMLElement {
  return element(
    "li",
    {},
    element(
      "button",
      { type: "button", class: "image-button", click: () => onSelect(image) },
      describeImage(images, image, thumbnail),
      note ? element("span", { class: "soft small" }, note) : null,
    ),
  );
}

/** The selected image with its nearest images. */
export function imageDetails(list: ImageList, image: number, sampleSize: number): readonly Node[] {
  const { images, thumbnail } = list;
  const neighbours = images.neighbours(image);
  const outside = `Nearest images are known for a sample of ${formatCount(sampleSize)} images, and this one is not in it.`;
  const rows = (neighbours ?? []).map(({ image: other, distance }) => {
    const same = images.labels[other] === images.labels[image] ? "same label" : "other label";
    return imageButton(list, other, `${formatValue(distance)} · ${same}`);
  });
  return [
    element("h3", {}, "Selected image"),
    describeImage(images, image, thumbnail),
    element("p", { class: "small" }, element("code", {}, name(images.path(image)))),
    element("h3", {}, `Nearest images among ${formatCount(sampleSize)}, with their distances`),
    rows.length > 0 ? element("ol", { class: "image-list" }, ...rows) : element("p", { class: "soft small" }, outside),
  ];
}
