import { describe, expect, it } from "vitest";
import { goals, imageCounts, nodeCounts, predict, predictions } from "../../bench/scale/predictions.ts";

const memory = { jvm: 900, pythonDriver: 200, pythonWorkers: [120, 501] };
const inventory = [{ images: 10, latencyMs: 50, seconds: 1, processorSeconds: 1, peakMb: memory }];

describe("the goals of bench:scale", () => {
  it("are judged for the parts that were measured, by the largest worker", () => {
    expect(goals({})).toEqual([]);
    expect(goals({ inventory }).map(({ value, isMet }) => [value, isMet])).toEqual([
      [200, true],
      [900, true],
      [501, false],
    ]);
  });

  it.each([
    [1.8, true],
    [1.79, false],
  ])("take a speed-up of %d as %s", (inJobs, isMet) => {
    expect(goals({ speedup: { images: 10, inJobs, wholeStep: 1 } })).toMatchObject([{ value: inJobs, isMet }]);
  });
});

describe("the predictions", () => {
  it("are those of the quote, with an interval and a bottleneck", () => {
    const all = predictions();

    expect(all).toHaveLength(imageCounts.length * nodeCounts.length);
    for (const { images, nodes, minutes, minutesBetween, usd, bottleneck } of all) {
      expect(minutes).toBeCloseTo(predict(images, nodes).minutes, 1);
      expect(minutesBetween[0]).toBeLessThan(minutes);
      expect(minutesBetween[1]).toBeGreaterThan(minutes);
      expect(usd).toBeGreaterThan(0);
      expect(bottleneck).toMatch(/ % of the minutes$/);
    }
  });

  it("get no slower with more nodes", () => {
    for (const images of imageCounts) {
      const minutes = nodeCounts.map((nodes) => predict(images, nodes).minutes);
      expect(minutes).toEqual(minutes.toSorted((a, b) => b - a));
    }
  });
});
