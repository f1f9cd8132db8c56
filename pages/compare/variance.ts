import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import type { Comparison } from "../../lambdas/contract/comparison.ts";
import { percent } from "../../shared/formatting.ts";
import { chart, type Drawing, shareAxes } from "../shared/chart.ts";
import { svgElement } from "../shared/elements.ts";
import { figure, lead, section } from "../shared/figure.ts";

const height = 320;
const margin = { top: 16, right: 16, bottom: 44, left: 48 };
const kinds = ["before", "after"] as const;

function drawSums({ runs, variance }: Comparison, width: number): Drawing {
  const x = scaleLinear([1, Math.max(2, variance.length)], [margin.left, width - margin.right]);
  const y = scaleLinear([0, 1], [height - margin.bottom, margin.top]);
  const ticks = x.ticks(Math.min(variance.length, Math.floor(width / 70))).filter(Number.isInteger);
  const lines = kinds.flatMap((kind, at) => {
    const sums = variance.flatMap(({ component, cumulative }) => {
      const sum = cumulative[at];
      return sum === null || sum === undefined ? [] : [[component, sum] as const];
    });
    const path = line<readonly [number, number]>(
      ([component]) => x(component),
      ([, sum]) => y(sum),
    )(sums);
    const key = { class: `key-${kind}`, x: width - margin.right, y: y(0) - 34 + 18 * at, "text-anchor": "end" };
    return [
      svgElement("path", { class: `line-${kind}`, d: path }),
      svgElement("text", key, `${kind === "before" ? "──" : "╌╌"} ${runs[at]?.runId ?? ""}`),
    ];
  });
  const shapes = [
    ...shareAxes(x, y, ticks, percent),
    svgElement("text", { class: "axis-title", x: margin.left, y: height - 6 }, "principal components"),
    ...lines,
  ];
  return { height, shapes };
}

/** Draws the variance that the first components of each run explain together. */
export function varianceSection(comparison: Comparison): HTMLElement | null {
  const { runs, variance } = comparison;
  if (variance.length === 0) return null;
  const label = `Variance that the first components explain together, for ${runs.map(({ runId }) => runId).join(" and ")}`;
  return section(
    "variance",
    "Explained variance",
    lead("The share of the variance that the first components explain together."),
    figure({
      label,
      picture: chart(label, (width) => drawSums(comparison, width)),
      table: () => ({
        name: "explained-variance",
        columns: ["component", ...runs.flatMap(({ runId }) => [`${runId}: explained`, `${runId}: cumulative`])],
        rows: variance.map(({ component, explained, cumulative }) => [
          component,
          explained[0],
          cumulative[0],
          explained[1],
          cumulative[1],
        ]),
      }),
    }),
  );
}
