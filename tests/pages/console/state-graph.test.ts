import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Box, type Definition, edgesOf, layOut } from "../../../pages/console/state-graph.ts";

const workflow: Definition = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../../statemachine/orchard.asl.json"), "utf8"),
);

function overlap(a: Box, b: Box): boolean {
  return Math.abs(a.x - b.x) < (a.width + b.width) / 2 && Math.abs(a.y - b.y) < (a.height + b.height) / 2;
}

function pairs<T>(items: readonly T[]): readonly (readonly [T, T])[] {
  return items.flatMap((first, index) => items.slice(index + 1).map((second) => [first, second] as const));
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function sides(points: readonly Point[]): readonly (readonly [Point, Point])[] {
  return points.slice(1).map((end, index) => [points[index] ?? end, end] as const);
}

/** Whether a horizontal or vertical line crosses a box. */
function crosses(start: Point, end: Point, { x, y, width, height }: Box): boolean {
  const [left, right] = [Math.min(start.x, end.x), Math.max(start.x, end.x)];
  const [top, bottom] = [Math.min(start.y, end.y), Math.max(start.y, end.y)];
  return left < x + width / 2 && right > x - width / 2 && top < y + height / 2 && bottom > y - height / 2;
}

describe("layOut", () => {
  it("draws the whole workflow: each state once, without overlaps, and a line for each transition", () => {
    const { boxes, lines, width, height } = layOut(workflow);

    expect(boxes.map(({ name }) => name).sort()).toEqual(Object.keys(workflow.States).sort());
    expect(pairs(boxes).filter(([a, b]) => overlap(a, b))).toEqual([]);
    expect(lines).toHaveLength(edgesOf(workflow).length);
    const points = lines.flatMap((line) => line.points);
    expect(points.every(({ x, y }) => x >= 0 && x <= width && y >= 0 && y <= height)).toBe(true);
  });

  it("puts the states that only an error reaches into a lane of their own", () => {
    const { boxes } = layOut(workflow);
    const isLane = ({ name }: Box) => /Failure|Failed|DropInput|ConfirmTerminated|Diagnosis/.test(name);

    const [lane, others] = [boxes.filter(isLane), boxes.filter((box) => !isLane(box))];

    const right = Math.max(...others.map(({ x, width }) => x + width / 2));
    expect(Math.min(...lane.map(({ x, width }) => x - width / 2))).toBeGreaterThan(right);
  });

  it("leads no line of an error through another state, from which it would seem to begin", () => {
    const { boxes, lines } = layOut(workflow);

    const throughOthers = lines.filter(({ isCatch, from, to, points }) => {
      const others = boxes.filter(({ name }) => name !== from && name !== to);
      return isCatch && sides(points).some(([start, end]) => others.some((box) => crosses(start, end, box)));
    });

    // The lines within the lane are laid out together with its states.
    expect(throughOthers.filter(({ from }) => !/Failure|Confirm|Diagnos/.test(from))).toEqual([]);
  });

  it("draws every other definition, also with cycles and unreachable states", () => {
    const names = ["A", "B", "C", "D", "E"];
    const name = fc.constantFrom(...names);
    const state = fc.record(
      {
        Type: fc.constantFrom("Task", "Choice", "Pass"),
        Next: name,
        Default: name,
        Choices: fc.array(fc.record({ Next: name })),
        Catch: fc.array(fc.record({ Next: name })),
      },
      { requiredKeys: ["Type"] },
    );
    const definition = fc.record({
      StartAt: name,
      States: fc.record({ A: state, B: state, C: state, D: state, E: state }),
    });
    fc.assert(
      fc.property(definition, (machine) => {
        const { boxes, lines } = layOut(machine);

        expect(boxes.map((box) => box.name).sort()).toEqual(names);
        expect(pairs(boxes).filter(([a, b]) => overlap(a, b))).toEqual([]);
        expect(lines).toHaveLength(edgesOf(machine).length);
      }),
      { numRuns: 30 },
    );
  });
});

describe("edgesOf", () => {
  it("counts a transition once, even if an error also leads there", () => {
    const catchAll = [{ Next: "B" }, { Next: "C" }];
    const states = { A: { Type: "Task", Next: "B", Catch: catchAll }, B: { Type: "Succeed" }, C: { Type: "Fail" } };

    expect(edgesOf({ StartAt: "A", States: states })).toEqual([
      { from: "A", to: "B", isCatch: false },
      { from: "A", to: "C", isCatch: true },
    ]);
  });
});
