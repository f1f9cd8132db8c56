import { type ScaleLinear, scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import type { ReportData } from "../../lambdas/contract/report-data.ts";
import { plural } from "../../shared/formatting.ts";
import { chart, type Drawing, shareAxes } from "../shared/chart.ts";
import { svgElement } from "../shared/elements.ts";
import { figure, lead, section } from "../shared/figure.ts";
import { formatShare } from "../shared/numbers.ts";

type Scale = ScaleLinear<number, number>;
type Variance = NonNullable<ReportData["variance"]>;

const marks = [0.8, 0.9, 0.95];
const height = 320;
const margin = { top: 16, right: 84, bottom: 44, left: 48 };

/** The number of components that explain this share; undefined if all of them explain less. */
function componentsFor({ cumulative }: Variance, share: number): number | undefined {
  const index = cumulative.findIndex((sum) => sum >= share);
  return index < 0 ? undefined : index + 1;
}

function markLines(variance: Variance, x1: number, x2: number, y: Scale): readonly SVGElement[] {
  return marks.flatMap((mark) => {
    const count = componentsFor(variance, mark);
    const label = count === undefined ? formatShare(mark, 0) : `${formatShare(mark, 0)} by ${count}`;
    const line = {
      class: count === undefined ? "mark faint" : "mark",
      x1,
      x2,
      y1: y(mark),
      y2: y(mark),
    };
    return [
      svgElement("line", line),
      svgElement("text", { class: "mark-label", x: x2 + 8, y: y(mark), dy: "0.32em" }, label),
    ];
  });
}

function drawVariance(variance: Variance, width: number): Drawing {
  const { ratios, cumulative } = variance;
  const right = width - margin.right;
  const x = scaleLinear([0.5, ratios.length + 0.5], [margin.left, right]);
  const y = scaleLinear([0, 1], [height - margin.bottom, margin.top]);
  const barWidth = Math.min(48, 0.8 * (x(2) - x(1)));
  const ticks = x
    .ticks(Math.min(ratios.length, Math.floor(width / 70)))
    .filter((tick) => Number.isInteger(tick) && tick > 0);
  const bars = ratios.map((ratio, index) =>
    svgElement("rect", {
      class: "bar",
      x: x(index + 1) - barWidth / 2,
      width: barWidth,
      y: y(ratio),
      height: y(0) - y(ratio),
      "data-tip": `PC${index + 1}: ${formatShare(ratio, 2)}, together ${formatShare(cumulative[index] ?? 0, 1)}`,
    }),
  );
  const sums = line<number>((_, index) => x(index + 1), y)([...cumulative]);
  const shapes = [
    ...shareAxes(x, y, ticks, formatShare),
    svgElement("text", { class: "axis-title", x: right, y: height - 6, "text-anchor": "end" }, "principal component"),
    ...markLines(variance, margin.left, right, y),
    ...bars,
    svgElement("path", { class: "cumulative", d: sums }),
    svgElement("circle", { class: "chosen", cx: x(cumulative.length), cy: y(cumulative.at(-1) ?? 0), r: 4 }),
  ];
  return { height, shapes };
}

/** The variance that each component explains, and how many components explain 80, 90 and 95 %. */
export function varianceSection({ variance, missing }: ReportData): HTMLElement {
  const title = "Explained variance";
  if (!variance || variance.ratios.length === 0) {
    const reason = missing.find(({ part }) => part === "variance")?.reason ?? "The run has no principal components.";
    return section("variance", title, lead(reason));
  }
  const { ratios, cumulative } = variance;
  const together = formatShare(cumulative.at(-1) ?? 0);
  const reached = marks.map((mark) => {
    const count = componentsFor(variance, mark);
    return `${formatShare(mark, 0)}: ${count === undefined ? "not reached" : plural(count, "component")}`;
  });
  const label = `Explained variance of ${plural(ratios.length, "component")}, together ${together}`;
  return section(
    "variance",
    title,
    lead(
      `The run kept k = ${plural(ratios.length, "component")}, which explain ${together} of the variance together. `,
      `Bars: each component. Line: their sum. ${reached.join(" · ")}.`,
    ),
    figure({
      label,
      picture: chart(label, (width) => drawVariance(variance, width)),
      table: () => ({
        name: "explained-variance",
        columns: ["component", "explained variance", "cumulative"],
        rows: ratios.map((ratio, index) => [index + 1, ratio, cumulative[index] ?? null]),
      }),
    }),
  );
}
