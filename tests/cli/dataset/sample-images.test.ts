import { createHash } from "node:crypto";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { renderSampleImage, sampleImages } from "../../../cli/dataset/sample-images.ts";

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

describe("the generated sample", () => {
  it("has enough images and labels for each mode", () => {
    const training = sampleImages.filter(({ split }) => split === "Training");
    const labels = new Set(training.map(({ label }) => label));

    expect(training.length).toBeGreaterThanOrEqual(800);
    expect(labels.size).toBeGreaterThanOrEqual(12);
    expect([...labels].filter((label) => label.startsWith("Apple")).length).toBeGreaterThanOrEqual(5);
    expect(training.filter(({ label }) => label.startsWith("Apple")).length).toBeGreaterThan(300);
    expect(sampleImages.length - training.length).toBeGreaterThanOrEqual(100);
    expect(new Set(sampleImages.map(({ key }) => key)).size).toBe(sampleImages.length);
  });

  it("is always the same, and its images differ", async () => {
    const some = sampleImages.filter((_, index) => index % 37 === 0);
    const draw = () =>
      Promise.all(some.map(async (image) => sha256(await renderSampleImage(image.split, image.label, image.number))));

    const [first, second] = [await draw(), await draw()];

    expect(second).toEqual(first);
    expect(new Set(first).size).toBe(some.length);
  });

  it("consists of color JPEGs of 100 × 100 pixels on white", async () => {
    const image = sharp(await renderSampleImage("Training", "Apple Golden 1", 0));

    const { format, width, height, channels } = await image.metadata();
    const { data } = await image.raw().toBuffer({ resolveWithObject: true });

    expect({ format, width, height, channels }).toEqual({ format: "jpeg", width: 100, height: 100, channels: 3 });
    expect([...data.subarray(0, 3)].every((value) => value > 250)).toBe(true);
    const [red = 0, , blue = 0] = data.subarray((50 * 100 + 50) * 3);
    expect(red).toBeGreaterThan(blue + 50);
  });
});
