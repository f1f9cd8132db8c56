import type { ReportData } from "../../lambdas/contract/report-data.ts";
import type { ReportFigures } from "../../lambdas/contract/report-figures.ts";
import { bytesOf, unpackJson } from "../shared/packed.ts";

export type Numbers = Uint8Array | Uint16Array | Uint32Array;

/** Decodes the data that fillReport has put into the page. */
export function unpackData(base64: string): Promise<ReportData> {
  return unpackJson(base64);
}

const arrays = { uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array };

/** Decodes packed numbers. Every browser runs on little-endian processors, whose order the bytes have. */
export function unpackNumbers({ type, base64 }: ReportFigures["images"]["labels"]): Numbers {
  return new arrays[type](bytesOf(base64).buffer);
}

/** Coordinates of all images on one principal component. */
export function unpackComponent({ minimum, step, values }: ReportFigures["components"][number]): Float32Array {
  return Float32Array.from(unpackNumbers(values), (value) => minimum + value * step);
}

export function unpackPicture(base64: string): Promise<ImageBitmap> {
  return createImageBitmap(new Blob([bytesOf(base64)], { type: "image/jpeg" }));
}
