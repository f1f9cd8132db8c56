import type { ReportFigures } from "../../lambdas/contract/report-figures.ts";
import { bytesOf } from "../shared/packed.ts";

export type Numbers = Uint8Array | Uint16Array | Uint32Array;

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
