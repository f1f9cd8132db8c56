import sharp from "sharp";
import type { ReportData } from "../../../lambdas/contract/report-data.ts";
import type { ReportFigures } from "../../../lambdas/contract/report-figures.ts";

/** Sets the size of an example's report; all names and numbers follow from it. */
export interface Example {
  readonly images: number;
  readonly labels: readonly string[];
  /** Images of the sample on which the distances are computed. */
  readonly sample: number;
  readonly thumbnails: number;
}

const componentCount = 10;
/** As many levels as the type of the packed numbers has, because these compress worst. */
const levels = 2 ** 16;
const prefix = "s3://data/raw/fruits-360/";

/** Pseudo-random numbers from 0 to 1 (mulberry32), so that an example is the same in each run. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The names of `count` labels, some of which differ in one word as those of Fruits-360 do. */
export function labelNames(count: number): readonly string[] {
  const fruits = ["Apple", "Banana", "Cherry", "Grape", "Lemon", "Mango", "Peach", "Pear", "Plum", "Tomato"];
  return Array.from({ length: count }, (_, index) => {
    const kind = Math.floor(index / fruits.length) + 1;
    return `${fruits[index % fruits.length]} ${kind}`;
  }).sort();
}

type Points = readonly (readonly number[])[];

/** A cloud for each label around a center of its own; the spread falls with the component. */
function makePoints(labelOf: readonly number[], labels: number, random: () => number): Points {
  const gaussian = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const spread = Array.from({ length: componentCount }, (_, component) => 40 / (component + 1));
  const centers = Array.from({ length: labels }, () => spread.map((width) => width * gaussian()));
  return labelOf.map((label) => spread.map((width, at) => (centers[label]?.[at] ?? 0) + 0.2 * width * gaussian()));
}

function packUint16(values: readonly number[], columns: number): ReportFigures["images"]["labels"] {
  return { type: "uint16", columns, base64: Buffer.from(Uint16Array.from(values).buffer).toString("base64") };
}

function makeComponents(points: Points): ReportFigures["components"] {
  return Array.from({ length: componentCount }, (_, component) => {
    const values = points.map((point) => point[component] ?? 0);
    const minimum = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
    const maximum = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    const step = (maximum - minimum) / (levels - 1) || 1;
    return {
      minimum,
      step,
      values: packUint16(
        values.map((value) => Math.round((value - minimum) / step)),
        1,
      ),
    };
  });
}

interface Neighbour {
  readonly at: number;
  readonly distance: number;
}

function nearest(sampled: Points, at: number): readonly Neighbour[] {
  const point = sampled[at] ?? [];
  const distances = sampled.map((other, index) => ({
    at: index,
    distance: Math.hypot(...other.map((value, component) => value - (point[component] ?? 0))),
  }));
  return distances
    .filter((other) => other.at !== at)
    .sort((one, other) => one.distance - other.distance)
    .slice(0, 5);
}

async function makeThumbnails(sample: readonly number[], count: number): Promise<ReportFigures["thumbnails"]> {
  if (count === 0) return null;
  const images = sample.slice(0, count);
  const size = 32;
  const columns = Math.min(20, count);
  const height = size * Math.ceil(count / columns);
  const sprite = sharp({ create: { width: size * columns, height, channels: 3, background: "#ffffff" } });
  const tiles = images.map((image, index) => ({
    input: Buffer.from(
      `<svg width="${size}" height="${size}"><circle cx="16" cy="16" r="13" fill="hsl(${(image * 47) % 360},60%,50%)"/></svg>`,
    ),
    left: size * (index % columns),
    top: size * Math.floor(index / columns),
  }));
  return {
    images,
    size,
    columns,
    jpegBase64: (await sprite.composite(tiles).jpeg({ quality: 70 }).toBuffer()).toString("base64"),
  };
}

function countConfusions(
  labels: readonly string[],
  pairs: readonly (readonly [number, number])[],
): ReportFigures["confusions"] {
  const counts = new Map<string, number>();
  for (const [label, other] of pairs) {
    if (label !== other) counts.set(`${label} ${other}`, (counts.get(`${label} ${other}`) ?? 0) + 1);
  }
  return [...counts]
    .sort(([, one], [, other]) => other - one)
    .slice(0, 200)
    .map(([key, images]) => {
      const [label = 0, other = 0] = key.split(" ").map(Number);
      return { label: labels[label] ?? "", nearest: labels[other] ?? "", images };
    });
}

export async function exampleFigures({ images, labels, sample, thumbnails }: Example): Promise<ReportFigures> {
  const random = randomNumbers(1);
  const labelOf = Array.from({ length: images }, (_, index) => Math.floor((index * labels.length) / images));
  const points = makePoints(labelOf, labels.length, random);
  const sampled = Array.from({ length: Math.min(sample, images) }, (_, index) =>
    Math.floor((index * images) / Math.min(sample, images)),
  );
  const sampledPoints = sampled.map((image) => points[image] ?? []);
  const neighbours = sampledPoints.map((_, at) => nearest(sampledPoints, at));
  const labelAt = (at: number) => labelOf[sampled[at] ?? 0] ?? 0;
  const pairs = neighbours.flatMap(([first], at) => (first ? [[labelAt(at), labelAt(first.at)] as const] : []));
  const pathOf = (image: number) => `Training/${labels[labelOf[image] ?? 0]}/${image % 400}_100.jpg`;
  const full = (image: number) => `${prefix}${pathOf(image)}`;
  const start = Date.parse("2026-03-01T09:06:00Z");
  return {
    labels: labels.map((label, index) => ({ label, images: labelOf.filter((of) => of === index).length })),
    images: {
      total: images,
      prefix,
      paths: Array.from({ length: images }, (_, image) => pathOf(image)),
      labels: packUint16(labelOf, 1),
    },
    components: makeComponents(points),
    sample: {
      images: sampled,
      components: 50,
      neighbours: packUint16(
        neighbours.flatMap((near) => near.map(({ at }) => at)),
        Math.min(5, sampled.length - 1),
      ),
      distances: neighbours.map((near) => near.map(({ distance }) => Number(distance.toPrecision(4)))),
      agreement:
        labels.length > 1 ? pairs.filter(([one, other]) => one === other).length / Math.max(1, pairs.length) : null,
      silhouette: labels.length > 1 ? 0.2134 : null,
    },
    confusions: countConfusions(labels, pairs),
    duplicates: {
      bound: 0.61,
      exact: { pairs: 1, examples: [[full(0), full(images - 1)]] },
      near: { pairs: 2, examples: [[full(0), full(1), 0.0123]] },
    },
    outliers: Array.from({ length: Math.min(10, images) }, (_, index) => ({
      path: full(images - 1 - index),
      label: labels[labelOf[images - 1 - index] ?? 0] ?? "",
      distance: 99.5 - index,
    })),
    thumbnails: await makeThumbnails(sampled, Math.min(thumbnails, sampled.length)),
    stages: [
      { step: "inventory", name: "count images", startedAt: start + 2e4, endedAt: start + 6e4, tasks: 8, images },
      { step: "features", name: "features", startedAt: start + 12e4, endedAt: start + 72e4, tasks: 200, images },
      { step: "reduction", name: "fit PCA", startedAt: start + 80e4, endedAt: start + 98e4, tasks: 32, images: null },
    ],
  };
}

function exampleVariance(components: number): ReportData["variance"] {
  const weights = Array.from({ length: components }, (_, index) => 0.15 * 0.93 ** index);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const ratios = weights.map((weight) => (0.96 * weight) / total);
  let sum = 0;
  const cumulative = ratios.map((ratio) => {
    sum += ratio;
    return sum;
  });
  return { ratios, cumulative };
}

function exampleTimeline(): ReportData["timeline"] {
  const start = Date.parse("2026-03-01T09:00:00Z");
  const rows = [
    ["state", "TakeInput", 0, 1],
    ["state", "Preflight", 1, 14],
    ["state", "UploadScripts", 14, 18],
    ["state", "CreateCluster", 18, 352],
    ["cluster", "j-2AXXXXXXGAPLF", 20, 1390],
    ["state", "Inventory", 352, 440],
    ["step", "Inventory", 356, 436],
    ["state", "ExtractFeatures", 440, 1110],
    ["step", "ExtractFeatures", 445, 1104],
    ["state", "ReduceDimensions", 1110, 1360],
    ["step", "ReduceDimensions", 1115, 1352],
    ["state", "ValidateResults", 1360, 1371],
    ["state", "TerminateCluster", 1371, 1390],
  ] as const;
  return rows.map(([kind, name, from, to]) => ({
    kind,
    name,
    startedAt: start + from * 1000,
    endedAt: start + to * 1000,
    outcome: "succeeded",
  }));
}

/** The report of a successful run on AWS with ImageNet's weights. */
export async function exampleReport(example: Example): Promise<ReportData> {
  return {
    run: {
      id: "full-2026-03-01",
      executionArn: "arn:aws:states:eu-west-1:123456789012:execution:orchard:full-2026-03-01",
      mode: "full",
      results: "s3://orchard-data-123456789012/runs/full-2026-03-01/",
      input: { mode: "full", input: prefix, pca: { variance: 0.95 } },
      startedAt: "2026-03-01T09:00:00.000Z",
      writtenAt: "2026-03-01T09:23:12.000Z",
      onAws: true,
    },
    model: { name: "MobileNetV2", weights: "imagenet", sha256: "ab".repeat(32), precision: "float32" },
    validation: {
      images: example.images,
      labels: example.labels.length,
      errors: 3,
      errorRate: 3 / (example.images + 3),
      computed: Math.ceil(example.images * 0.75),
      reused: Math.floor(example.images * 0.25),
      components: 50,
      variance: 0.96,
      warnings: [],
      results: "s3://orchard-data-123456789012/runs/full-2026-03-01/",
    },
    checks: [
      { name: "row_count", ok: true, detail: `${example.images} rows; ${example.images} expected` },
      { name: "dimensions", ok: true, detail: "every row has 50 numbers" },
      { name: "finite", ok: true, detail: "every number is finite" },
      { name: "variance", ok: true, detail: "0.960000 of the variance is explained; 0.95 asked for" },
    ],
    variance: exampleVariance(50),
    errors: [
      { reason: "truncated file", images: 2, examples: [`${prefix}Training/Pear 1/bad.jpg`] },
      { reason: "larger than 200 megapixels", images: 1, examples: [`${prefix}Training/Plum 2/huge.png`] },
    ],
    quote: { minutes: 27, usd: 0.84 },
    cost: {
      quotedUsd: 0.84,
      actualUsd: 0.71,
      forecastErrorPercent: -15.5,
      minutes: { quoted: 27, actual: 22.8 },
      isFinal: true,
      isAlive: false,
      arithmetic: "22.8 min × (1 × m6g.xlarge + 4 × c6g.2xlarge)",
    },
    cluster: "j-2AXXXXXXGAPLF",
    timeline: exampleTimeline(),
    figures: await exampleFigures(example),
    missing: [],
  };
}
