import { axisTop } from "d3-axis";
import { scaleUtc } from "d3-scale";
import type { ReportData } from "../../lambdas/contract/report-data.ts";
import { formatCount } from "../../shared/formatting.ts";
import { axisAt, chart, type Drawing, shorten } from "../shared/chart.ts";
import { svgElement } from "../shared/elements.ts";
import { figure, lead, section } from "../shared/figure.ts";
import { formatSpan } from "../shared/numbers.ts";

interface Bar {
  readonly kind: "state" | "cluster" | "step" | "stage";
  readonly name: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly outcome: string;
  readonly imagesPerSecond: number | null;
}

const top = 28;
const kinds = { state: "State", cluster: "Cluster", step: "Step", stage: "Spark stage" };

function barsOf({ timeline, figures }: ReportData): readonly Bar[] {
  const spans = timeline.map((span) => ({ ...span, imagesPerSecond: null }));
  const stages = (figures?.stages ?? []).map(({ step, name, startedAt, endedAt, images }) => ({
    kind: "stage" as const,
    name: `${step}: ${name}`,
    startedAt,
    endedAt,
    outcome: "succeeded",
    imagesPerSecond: images === null || endedAt <= startedAt ? null : (1000 * images) / (endedAt - startedAt),
  }));
  const order = Object.keys(kinds);
  return [...spans, ...stages].sort(
    (one, other) => order.indexOf(one.kind) - order.indexOf(other.kind) || one.startedAt - other.startedAt,
  );
}

function note({ startedAt, endedAt, imagesPerSecond }: Bar): string {
  const rate = imagesPerSecond === null ? "" : ` · ${formatCount(Math.round(imagesPerSecond))} images/s`;
  return `${formatSpan(endedAt - startedAt)}${rate}`;
}

function drawBar(bar: Bar, isNarrow: boolean, y: number, x: (time: number) => number): readonly SVGElement[] {
  const start = x(bar.startedAt);
  const end = Math.max(x(bar.endedAt), start + 2);
  const text = isNarrow ? shorten(`${bar.name} · ${note(bar)}`, 46) : shorten(bar.name, 28);
  const tip = `${kinds[bar.kind]} ${bar.name}: ${note(bar)}, ${bar.outcome}`;
  const shape = { class: `span ${bar.kind} ${bar.outcome}`, x: start, y, width: end - start, height: 15, rx: 2 };
  return [
    svgElement("text", { class: "row-label", x: 0, y: isNarrow ? y - 5 : y + 12 }, text),
    svgElement("rect", { ...shape, "data-tip": tip }),
    ...(isNarrow ? [] : [svgElement("text", { class: "row-note", x: end + 6, y: y + 12 }, note(bar))]),
  ];
}

function drawTimeline(bars: readonly Bar[], width: number): Drawing {
  const isNarrow = width < 560;
  const rowHeight = isNarrow ? 44 : 26;
  const from = Math.min(...bars.map(({ startedAt }) => startedAt));
  const to = Math.max(...bars.map(({ endedAt }) => endedAt), from + 1000);
  const left = isNarrow ? 0 : 210;
  const x = scaleUtc([from, to], [left, width - (isNarrow ? 8 : 150)]);
  const bottom = top + bars.length * rowHeight;
  const axis = axisTop(x)
    .ticks(Math.floor((width - left) / 110))
    .tickFormat((time) => new Date(Number(time)).toISOString().slice(11, to - from < 600_000 ? 19 : 16))
    .tickSizeInner(top - bottom);
  const rows = bars.flatMap((bar, index) => drawBar(bar, isNarrow, top + index * rowHeight + (isNarrow ? 20 : 5), x));
  return { height: bottom + 8, shapes: [axisAt(0, top, axis), ...rows] };
}

/** When each state, cluster, step and Spark stage ran. */
export function timelineSection(data: ReportData): HTMLElement {
  const title = "Timeline";
  const bars = barsOf(data);
  const reason = data.missing.find(({ part }) => part === "timeline")?.reason;
  if (bars.length === 0) return section("timeline", title, lead(reason ?? "The run has no timeline."));
  return section(
    "timeline",
    title,
    lead("States of the workflow (blue), the cluster (grey), its steps and the stages of Spark (green), in UTC."),
    reason ? lead(reason) : null,
    figure({
      label: `Timeline of ${bars.length} states, steps and stages`,
      picture: chart("Timeline", (width) => drawTimeline(bars, width)),
      table: () => ({
        name: "timeline",
        columns: ["kind", "name", "start", "end", "seconds", "outcome", "images per second"],
        rows: bars.map((bar) => [
          kinds[bar.kind],
          bar.name,
          new Date(bar.startedAt).toISOString(),
          new Date(bar.endedAt).toISOString(),
          (bar.endedAt - bar.startedAt) / 1000,
          bar.outcome,
          bar.imagesPerSecond,
        ]),
      }),
    }),
  );
}
