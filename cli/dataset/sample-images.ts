import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import pMap from "p-map";
import sharp from "sharp";
import { mulberry32 } from "./seeded-random.ts";

/** The appearance of a fruit. Colors are hue in degrees, saturation and lightness in percent. */
interface Fruit {
  readonly label: string;
  readonly shape: "round" | "long" | "heart" | "cluster";
  readonly skin: readonly [hue: number, saturation: number, lightness: number];
  /** Hue of the side that was exposed to the sun, in degrees. */
  readonly blush: number;
  /** Ratio of height to width. */
  readonly aspect: number;
  readonly spots: number;
}

const fruits: readonly Fruit[] = [
  { label: "Apple Braeburn", shape: "round", skin: [8, 70, 42], blush: 45, aspect: 0.95, spots: 14 },
  { label: "Apple Golden 1", shape: "round", skin: [52, 75, 58], blush: 70, aspect: 1.02, spots: 22 },
  { label: "Apple Granny Smith", shape: "round", skin: [88, 62, 48], blush: 96, aspect: 0.96, spots: 18 },
  { label: "Apple Pink Lady", shape: "round", skin: [345, 65, 58], blush: 70, aspect: 1.06, spots: 8 },
  { label: "Apple Red Delicious", shape: "heart", skin: [352, 80, 30], blush: 358, aspect: 1.12, spots: 16 },
  { label: "Apple Red Yellow", shape: "round", skin: [18, 78, 52], blush: 54, aspect: 0.92, spots: 10 },
  { label: "Banana", shape: "long", skin: [50, 88, 56], blush: 60, aspect: 2.9, spots: 3 },
  { label: "Blueberry", shape: "round", skin: [228, 45, 34], blush: 215, aspect: 0.9, spots: 0 },
  { label: "Grape White", shape: "cluster", skin: [74, 50, 62], blush: 62, aspect: 1.1, spots: 0 },
  { label: "Kiwi", shape: "round", skin: [32, 38, 34], blush: 40, aspect: 1.3, spots: 40 },
  { label: "Lemon", shape: "long", skin: [56, 92, 58], blush: 62, aspect: 1.45, spots: 20 },
  { label: "Orange", shape: "round", skin: [28, 95, 54], blush: 34, aspect: 0.98, spots: 34 },
  { label: "Plum", shape: "round", skin: [285, 40, 30], blush: 330, aspect: 1.15, spots: 4 },
  { label: "Strawberry", shape: "heart", skin: [354, 85, 48], blush: 8, aspect: 1.25, spots: 30 },
];

const sidePixels = 100;
const imagesPerLabel = { Training: 70, Validation: 8 } as const;

function seedOf(text: string): number {
  return createHash("sha256").update(text).digest().readInt32LE(0);
}

function outline(shape: Fruit["shape"], width: number, height: number): string {
  const [w, h] = [width, height];
  if (shape === "heart") {
    return `<path d="M0 ${-h * 0.75} C${w * 1.5} ${-h * 1.3} ${w * 1.1} ${h * 0.5} 0 ${h} C${-w * 1.1} ${h * 0.5} ${-w * 1.5} ${-h * 1.3} 0 ${-h * 0.75}Z"/>`;
  }
  if (shape === "cluster") {
    const berry = w * 0.48;
    const at = [-1, 0, 1, -0.5, 0.5, 0].map((x, index) => [
      x * w * 0.75,
      (index < 3 ? -0.5 : index < 5 ? 0.2 : 0.85) * h,
    ]);
    return at.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="${berry}"/>`).join("");
  }
  return `<ellipse rx="${w}" ry="${h}"/>`;
}

/** Draws one fruit as SVG on white, rotated, scaled and lit according to the random numbers. */
function draw(fruit: Fruit, random: () => number): string {
  const between = (low: number, high: number): number => low + (high - low) * random();
  const [hue, saturation, lightness] = fruit.skin;
  const tone = (h: number, l: number): string => `hsl(${h.toFixed(1)},${saturation}%,${l.toFixed(1)}%)`;
  const skin = hue + between(-5, 5);
  const light = lightness + between(-5, 5);
  const height = fruit.shape === "cluster" ? between(24, 27) : between(37, 43);
  const longest = Math.max(1, fruit.aspect);
  const [w, h] = [height / longest, (height / longest) * fruit.aspect];
  const spots = Array.from({ length: fruit.spots }, () => {
    const [angle, radius] = [between(0, 2 * Math.PI), Math.sqrt(random()) * 0.85];
    const [x, y] = [Math.cos(angle) * radius * w, Math.sin(angle) * radius * h];
    return `<circle cx="${x.toFixed(2)}" cy="${y.toFixed(2)}" r="${between(0.4, 1.1).toFixed(2)}" fill="${tone(fruit.blush, light + 18)}" fill-opacity="0.7"/>`;
  });
  const [lightX, lightY] = [between(0.25, 0.5).toFixed(3), between(0.2, 0.45).toFixed(3)];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${sidePixels}" height="${sidePixels}">
<defs><radialGradient id="s" cx="${lightX}" cy="${lightY}" r="0.85">
<stop offset="0" stop-color="${tone(skin, light + 22)}"/><stop offset="0.55" stop-color="${tone(skin, light)}"/><stop offset="1" stop-color="${tone(skin, light * 0.5)}"/>
</radialGradient><linearGradient id="b" x1="0" y1="0" x2="1" y2="${between(0, 1).toFixed(3)}">
<stop offset="0.3" stop-color="${tone(fruit.blush, light + 6)}" stop-opacity="0"/><stop offset="1" stop-color="${tone(fruit.blush, light + 6)}" stop-opacity="${between(0.35, 0.75).toFixed(3)}"/>
</linearGradient></defs>
<rect width="100%" height="100%" fill="white"/>
<g transform="translate(${between(48, 52).toFixed(2)} ${between(48, 52).toFixed(2)}) rotate(${between(0, 360).toFixed(2)})">
<rect x="-1" y="${(-h - 5).toFixed(2)}" width="2" height="8" fill="hsl(30,40%,25%)"/>
<g fill="url(#s)">${outline(fruit.shape, w, h)}</g><g fill="url(#b)">${outline(fruit.shape, w, h)}</g>${spots.join("")}
</g></svg>`;
}

/** Renders a sample image: a JPEG of 100 × 100 pixels in RGB, always the same for a split, label and number. */
export async function renderSampleImage(split: string, label: string, number: number): Promise<Buffer> {
  const fruit = fruits.find((candidate) => candidate.label === label);
  if (!fruit) throw new Error(`The sample has no label ${label}`);
  const svg = draw(fruit, mulberry32(seedOf(`${split}/${label}/${number}`)));
  return sharp(Buffer.from(svg)).flatten({ background: "white" }).jpeg({ quality: 90 }).toBuffer();
}

/** The images of the sample, with their keys `<split>/<label>/<number>_100.jpg`. */
export const sampleImages = Object.entries(imagesPerLabel).flatMap(([split, count]) =>
  fruits.flatMap(({ label }) =>
    Array.from({ length: count }, (_, number) => ({
      split,
      label,
      number,
      key: `${split}/${label}/${number}_${sidePixels}.jpg`,
    })),
  ),
);

/** Changes when the sample has to be generated again. */
function sampleVersion(): string {
  const hash = createHash("sha256");
  for (const file of ["sample-images.ts", "seeded-random.ts"]) {
    hash.update(readFileSync(join(import.meta.dirname, file)));
  }
  return hash.digest("hex");
}

/** Generates the sample into a folder, unless it is up to date. The folder is replaced as a whole. */
export async function makeSample(folder: string, signal?: AbortSignal): Promise<void> {
  const stamp = join(folder, ".stamp");
  const version = sampleVersion();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === version) return;
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await pMap(
    sampleImages,
    async ({ split, label, number, key }) => {
      signal?.throwIfAborted();
      const path = join(partial, key);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, await renderSampleImage(split, label, number));
    },
    { concurrency: 8 },
  );
  await writeFile(join(partial, ".stamp"), version);
  await rm(folder, { recursive: true, force: true });
  await rename(partial, folder);
}
