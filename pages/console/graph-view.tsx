import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { formatDuration } from "./format.ts";
import { type Box, type Definition, type Line, layOut } from "./state-graph.ts";
import type { StateStatus, Visit } from "./state-visits.ts";
import { useNow } from "./use-now.ts";

interface Props {
  /** The Amazon States Language text. */
  readonly definition: string;
  readonly statuses: ReadonlyMap<string, StateStatus>;
  readonly visits: readonly Readonly<Visit>[];
  readonly selected: string | undefined;
  readonly onSelect: (state: string) => void;
}

/** The class of a status: In progress -> in-progress */
export function statusClass(status: StateStatus): string {
  return status.toLowerCase().replace(" ", "-");
}

/** The workflow's graph, a button for each state. */
export function GraphView({ definition, statuses, visits, selected, onSelect }: Props) {
  const graph = useMemo(() => {
    const machine: Definition = JSON.parse(definition);
    return layOut(machine);
  }, [definition]);
  const now = useNow(1_000);
  const last = new Map(visits.map((visit) => [visit.state, visit]));
  const taken = useMemo(() => transitionsOf(visits), [visits]);
  const frame = useRef<HTMLDivElement>(null);
  const [isWhole, setIsWhole] = useState(false);
  const shown = graph.boxes.find(({ name }) => name === selected);
  useEffect(() => reveal(frame.current, shown), [shown]);
  // Taken lines are drawn last, above the others.
  const lines = graph.lines.toSorted((a, b) => Number(taken.has(keyOf(a))) - Number(taken.has(keyOf(b))));
  return (
    <section class="graph-view" aria-label="Graph view">
      <button type="button" class="zoom" aria-pressed={isWhole} onClick={() => setIsWhole(!isWhole)}>
        Whole graph
      </button>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a place that scrolls must be reachable by the keyboard */}
      <div class={`graph${isWhole ? " whole" : ""}`} ref={frame} tabIndex={0}>
        <svg viewBox={`0 0 ${graph.width} ${graph.height}`} width={graph.width} height={graph.height}>
          <title>States of the workflow</title>
          {lines.map((line) => (
            <path
              key={keyOf(line)}
              class={`${line.isCatch ? "catch" : "next"}${taken.has(keyOf(line)) ? " taken" : ""}`}
              d={pathOf(line)}
            />
          ))}
          {graph.boxes.map((box) => (
            <StateBox
              key={box.name}
              box={box}
              status={statuses.get(box.name) ?? "Not started"}
              note={noteOf(last.get(box.name), now)}
              isSelected={box.name === selected}
              onSelect={onSelect}
            />
          ))}
        </svg>
      </div>
    </section>
  );
}

/** Scrolls the frame, and not the page, just far enough to show the box. */
function reveal(frame: HTMLElement | null, box: Box | undefined): void {
  if (!frame || !box) return;
  const left = scrollInto(frame.scrollLeft, frame.clientWidth, box.x, box.width, 24);
  // The states before and after it stay in sight.
  const top = scrollInto(frame.scrollTop, frame.clientHeight, box.y, box.height, 120);
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  frame.scrollTo({ left, top, behavior: isCalm ? "instant" : "smooth" });
}

/** The nearest position from which a length around a center is visible, with a margin on both sides. */
function scrollInto(position: number, visible: number, center: number, length: number, margin: number): number {
  const [start, end] = [center - length / 2 - margin, center + length / 2 + margin];
  return Math.max(0, Math.min(start, Math.max(position, end - visible)));
}

interface BoxProps {
  readonly box: Box;
  readonly status: StateStatus;
  /** Duration and attempts; empty before the state has been entered. */
  readonly note: string;
  readonly isSelected: boolean;
  readonly onSelect: (state: string) => void;
}

function StateBox({ box: { name, type, x, y, width, height }, status, note, isSelected, onSelect }: BoxProps) {
  const isTall = type === "Task";
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    onSelect(name);
  };
  const description = [status, note].filter((part) => part !== "").join(" · ");
  const left = -width / 2 + 12;
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no button element
    <g
      class={`state ${statusClass(status)} ${isTall ? "task" : "flow"}${isSelected ? " selected" : ""}`}
      transform={`translate(${x} ${y})`}
      role="button"
      tabIndex={0}
      aria-pressed={isSelected}
      aria-label={`${name} ${description}`}
      onClick={() => onSelect(name)}
      onKeyDown={onKey}
    >
      <title>{`${name} (${type}): ${status}`}</title>
      <rect x={-width / 2} y={-height / 2} width={width} height={height} rx={isTall ? 6 : height / 2} />
      <StatusGlyph status={status} x={left + 7} y={isTall ? -6 : 0} />
      {/* Cuts a long name at the end of its box.
          biome-ignore lint/a11y/noSvgWithoutTitle: the group around it has the name */}
      <svg x={left + 22} y={-height / 2} width={width - 42} height={height}>
        <text class="name" y={height / 2 + (isTall ? -2 : 4)}>
          {`${name} `}
        </text>
      </svg>
      {isTall && (
        <text class="note" x={left + 22} y={13}>
          {description}
        </text>
      )}
    </g>
  );
}

const glyphs: Readonly<Record<StateStatus, string>> = {
  "In progress": "M0-4A4 4 0 1 1-4 0",
  Succeeded: "M-4 0.5L-1 3.5L4-3",
  "Caught error": "M0-4V1M0 3.6V4",
  Failed: "M-3.2-3.2L3.2 3.2M3.2-3.2L-3.2 3.2",
  Canceled: "M-3.5 0H3.5",
  Skipped: "",
  "Not started": "",
};

/** Shows a status as a shape, too, for people who do not see the colour. */
function StatusGlyph({ status, x, y }: { readonly status: StateStatus; readonly x: number; readonly y: number }) {
  return (
    <g class="glyph" transform={`translate(${x} ${y})`}>
      {glyphs[status] === "" ? <circle r={3} /> : <path d={glyphs[status]} />}
    </g>
  );
}

function noteOf(visit: Readonly<Visit> | undefined, now: number): string {
  if (!visit) return "";
  const duration = formatDuration(Math.max(0, (visit.leftAt ?? now) - visit.enteredAt));
  return visit.retries === 0 ? duration : `${duration}, ${visit.retries} ${visit.retries === 1 ? "retry" : "retries"}`;
}

function keyOf({ from, to }: Pick<Line, "from" | "to">): string {
  return JSON.stringify([from, to]);
}

function transitionsOf(visits: readonly Readonly<Visit>[]): ReadonlySet<string> {
  return new Set(visits.slice(1).map(({ state }, index) => keyOf({ from: visits[index]?.state ?? "", to: state })));
}

const cornerRadius = 8;

/** A line through the points with round corners. */
function pathOf({ points }: Line): string {
  const [start, ...rest] = points;
  if (!start) return "";
  const parts = rest.map((point, index) => {
    const before = points[index];
    const after = points[index + 2];
    if (!before || !after) return `L${point.x} ${point.y}`;
    const into = towards(point, before);
    const out = towards(point, after);
    return `L${into.x} ${into.y}Q${point.x} ${point.y} ${out.x} ${out.y}`;
  });
  return `M${start.x} ${start.y}${parts.join("")}`;
}

/** The point on the way to another one where the round corner begins. */
function towards(corner: Box | Line["points"][number], other: Line["points"][number]): Line["points"][number] {
  const distance = Math.hypot(other.x - corner.x, other.y - corner.y);
  const share = distance === 0 ? 0 : Math.min(cornerRadius, distance / 2) / distance;
  return { x: corner.x + (other.x - corner.x) * share, y: corner.y + (other.y - corner.y) * share };
}
