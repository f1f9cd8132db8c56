import { scaleSqrt } from "d3-scale";
import type { ReportData } from "../../lambdas/contract/report-data.ts";
import type { ReportFigures } from "../../lambdas/contract/report-figures.ts";
import { formatCount, plural } from "../../shared/formatting.ts";
import { chart, type Drawing, shorten } from "../shared/chart.ts";
import { element, svgElement } from "../shared/elements.ts";
import { figure, lead, section } from "../shared/figure.ts";
import { formatShare } from "../shared/numbers.ts";
import { unpackNumbers } from "./unpack.ts";
import { isMeaningless } from "./verdict.ts";

/** Widest average of a character of the labels, in pixels. */
const characterWidth = 6.8;
/** Angle of the labels above the columns. */
const turn = Math.PI / 3;

type Confusions = ReportFigures["confusions"];

/** The labels with the most confusions, in the order of the alphabet. */
function confusedLabels(confusions: Confusions, most: number): readonly string[] {
  const counts = new Map<string, number>();
  for (const { label, nearest, images } of confusions) {
    for (const each of [label, nearest]) counts.set(each, (counts.get(each) ?? 0) + images);
  }
  const frequent = [...counts].sort(([, one], [, other]) => other - one).slice(0, most);
  return frequent.map(([label]) => label).sort();
}

function axisLabels(labels: readonly string[], size: number, left: number, top: number, length: number) {
  return labels.flatMap((label, index) => {
    const middle = (index + 0.5) * size;
    const turned = `translate(${left + middle},${top - 8}) rotate(${(-180 * turn) / Math.PI})`;
    const text = shorten(label, length);
    const shared = { class: "row-label", dy: "0.32em", "data-tip": label };
    return [
      svgElement("text", { ...shared, x: left - 8, y: top + middle, "text-anchor": "end" }, text),
      svgElement("text", { ...shared, transform: turned }, text),
    ];
  });
}

function drawHeatMap(confusions: Confusions, width: number): Drawing {
  const isNarrow = width < 560;
  const labels = confusedLabels(confusions, isNarrow ? 12 : 25);
  const length = isNarrow ? 14 : 22;
  const longest = Math.min(length, Math.max(...labels.map((label) => label.length)));
  const left = 20 + longest * characterWidth;
  const top = 20 + longest * characterWidth * Math.sin(turn);
  const size = Math.min(30, (width - left - 60) / labels.length);
  const strength = scaleSqrt([0, Math.max(...confusions.map(({ images }) => images))], [0.08, 1]);
  const cell = (row: number, column: number) => ({
    x: left + column * size,
    y: top + row * size,
    width: size - 1,
    height: size - 1,
  });
  const cells = confusions
    .filter(({ label, nearest }) => labels.includes(label) && labels.includes(nearest))
    .map(({ label, nearest, images }) =>
      svgElement("rect", {
        class: "heat",
        ...cell(labels.indexOf(label), labels.indexOf(nearest)),
        "fill-opacity": strength(images),
        "data-tip": `${label}: for ${plural(images, "image")}, the nearest one is of ${nearest}`,
      }),
    );
  const diagonal = labels.map((_, index) => svgElement("rect", { class: "diagonal", ...cell(index, index) }));
  const side = size * labels.length;
  const frame = svgElement("rect", { class: "frame", x: left - 1, y: top - 1, width: side + 1, height: side + 1 });
  const shapes = [...axisLabels(labels, size, left, top, length), ...diagonal, frame, ...cells];
  return { height: top + side + 8, shapes };
}

function score(term: string, value: string, note: string): HTMLElement {
  return element("div", {}, element("dt", {}, term), element("dd", {}, value, element("small", {}, note)));
}

/** Share of the sample whose nearest image would have the same label if it were a random other image of the sample. */
function chanceOf({ images, sample }: ReportFigures): number {
  const labels = unpackNumbers(images.labels);
  const counts = new Map<number, number>();
  for (const image of sample.images) counts.set(labels[image] ?? 0, (counts.get(labels[image] ?? 0) ?? 0) + 1);
  const size = sample.images.length;
  return [...counts.values()].reduce((sum, count) => sum + (count * (count - 1)) / (size * Math.max(1, size - 1)), 0);
}

function scores(figures: ReportFigures): HTMLElement {
  const { agreement, silhouette } = figures.sample;
  const chance = `${formatShare(chanceOf(figures))} if by chance`;
  return element(
    "dl",
    { class: "facts" },
    score(
      "1-NN label agreement",
      agreement === null ? "–" : formatShare(agreement),
      agreement === null ? "needs two labels" : chance,
    ),
    score(
      "Silhouette",
      silhouette === null ? "–" : silhouette.toFixed(3),
      silhouette === null ? "needs two labels" : "from −1 to 1; 0 is no structure",
    ),
  );
}

/** Whether images of a label are near each other, and which labels are confused. */
export function meaningSection(data: ReportData): HTMLElement | null {
  const { figures } = data;
  if (!figures) return null;
  const { sample, confusions } = figures;
  const isAll = sample.images.length === figures.images.total;
  const of = isAll
    ? `all ${plural(sample.images.length, "image")}`
    : `a sample of ${formatCount(sample.images.length)} of the ${plural(figures.images.total, "image")}`;
  const label = "Labels that are confused: rows are labels, columns the labels of the nearest images";
  const confused = figure({
    label,
    picture: chart(label, (width) => drawHeatMap(confusions, width)),
    table: () => ({
      name: "confusions",
      columns: ["label", "label of the nearest image", "images"],
      rows: confusions.map((pair) => [pair.label, pair.nearest, pair.images]),
    }),
  });
  return section(
    "meaning",
    "Do the features mean something?",
    isMeaningless(data)
      ? element("p", { class: "notice warn" }, "Random weights: these numbers say nothing about the images.")
      : null,
    lead(
      `Measured on ${of}, by distances in ${plural(sample.components, "component")}. Agreement: how often the nearest image has the same label.`,
    ),
    scores(figures),
    element("h3", {}, "Labels most often confused"),
    lead(
      confusions.length > 0
        ? `Rows: the label of an image. Columns: the label of the image nearest to it. The strongest colour is ${plural(confusions[0]?.images ?? 0, "image")}.`
        : "No image of the sample is nearest to an image of another label.",
    ),
    confusions.length > 0 ? confused : null,
  );
}
