import { hash } from "node:crypto";

const mask = (1n << 256n) - 1n;

/**
 * The fingerprint of a selection: the sum, modulo 2^256, of the sha256 of a line `<s3:// path>\t<etag>\n` for each image.
 * It does not depend on the order of the images, so parts can be added up. spark/orchard/fingerprint.py computes the
 * same in the Inventory step.
 */
export class Fingerprint {
  private sum = 0n;

  /** @param path s3:// URI of the image */
  add(path: string, etag: string): void {
    this.sum = (this.sum + BigInt(`0x${hash("sha256", `${path}\t${etag}\n`)}`)) & mask;
  }

  /** @param digits fingerprint of other images */
  addAll(digits: string): void {
    this.sum = (this.sum + BigInt(`0x${digits}`)) & mask;
  }

  /** 64 hexadecimal digits. */
  get digits(): string {
    return this.sum.toString(16).padStart(64, "0");
  }
}
