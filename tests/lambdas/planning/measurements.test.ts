import { describe, expect, it } from "vitest";
import { checkGrowth, fitLine, marginalSeconds } from "../../../lambdas/planning/measurements.ts";

const run = (images: number, seconds: number) => ({ images, seconds, processorSeconds: 2 * seconds });

describe("the measurements", () => {
  it("are fitted by a fixed time and one for each item", () => {
    expect(fitLine({ amount: 1_000, seconds: 9 }, { amount: 2_000, seconds: 14 })).toEqual({ fixed: 4, each: 0.005 });
  });

  it("give the cost of an item between the two largest amounts", () => {
    const runs = [
      { amount: 1_000, processorSeconds: 50 },
      { amount: 2_000, processorSeconds: 60 },
      { amount: 8_000, processorSeconds: 72 },
    ];
    expect(marginalSeconds(runs)).toBeCloseTo(0.002, 12);
    expect(marginalSeconds(runs.slice(0, 1))).toBeUndefined();
    expect(marginalSeconds()).toBeUndefined();
  });

  it("predict the largest run from the two smallest", () => {
    const check = checkGrowth([run(1_000, 9), run(2_000, 14), run(8_000, 40)]);

    expect(check).toMatchObject({ images: 8_000, predictedSeconds: 44, measuredSeconds: 40 });
    expect(check?.error).toBeCloseTo(0.1, 12);
    expect(checkGrowth([run(1_000, 9), run(2_000, 14)])).toBeUndefined();
  });
});
