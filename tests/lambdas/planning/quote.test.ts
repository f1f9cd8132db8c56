import { describe, expect, it } from "vitest";
import { planCluster } from "../../../lambdas/planning/planner.ts";
import { quote, s3RequestsUsd } from "../../../lambdas/planning/quote.ts";
import { everyStep, planRequest } from "./plan-request.ts";

/** The text of a quote that people check by hand; its figures are those of rates.ts and of the catalog's prices. */
describe("the arithmetic of a quote", () => {
  it("has every term of a single node", () => {
    expect(planCluster(planRequest(300)).estimate.arithmetic).toBe(
      "8 min until the cluster is ready + 3.0 min for 3 step(s) (300 new images / 86 images/s a core / 1.5 cores) + " +
        "4 min idle until .sync polling sees an end + 1.2 min around them = 16.2 min; " +
        "(1 x m5.xlarge, EC2 on demand + EMR, eu-west-1, 2026-11-21) 0.262 USD/h + EBS 79 GiB 0.010 USD/h, x 16.2 min + " +
        "S3 requests 0.011 USD = 0.08 USD",
    );
  });

  it("has every term of a cluster with core nodes", () => {
    const { arithmetic } = planCluster(
      planRequest(300, { overrides: { coreCount: 2, coreType: "m5.2xlarge" } }),
    ).estimate;

    expect(arithmetic).toContain("(300 new images / 86 images/s a core / 8 cores)");
    expect(arithmetic).toContain("(1 x m5.xlarge + 2 x m5.2xlarge, EC2 on demand + EMR, eu-west-1, 2026-11-21)");
    expect(arithmetic).toContain("1.310 USD/h + EBS 237 GiB 0.029 USD/h");
  });

  it("says if images are only perhaps new, and if the prices are another region's", () => {
    const work = { images: 60_000, newImages: 600, isStoreKnown: false, steps: everyStep };
    const { arithmetic } = planCluster(planRequest(0, { work, region: "eu-central-1" })).estimate;

    expect(arithmetic).toContain("(600 perhaps new images / 86 images/s a core / 1.5 cores)");
    expect(arithmetic).toContain("EC2 on demand + EMR, eu-west-1's prices, not eu-central-1's, 2026-11-21");
  });

  it("says nothing of new images if features are not computed", () => {
    const steps = { inventory: false, features: false, reduction: true, any: true };
    const { arithmetic } = planCluster(planRequest(0, { work: { images: 300, newImages: 0, steps } })).estimate;

    expect(arithmetic).toMatch(/^8 min until the cluster is ready \+ 1\.0 min for 1 step\(s\) \+ 2 min idle/);
  });
});

describe("the minutes of a quote", () => {
  const shapeOf = () => ({ ...planCluster(planRequest(300)).cluster, primaryTypes: ["m5.xlarge"], coreTypes: [] });
  const inventory = { inventory: true, features: false, reduction: false, any: true };

  /** Minutes of an inventory with four tasks on a kept cluster, whose step lasts as long as listing the keys and one minute more. */
  function minutes(listing: number): number {
    const images = listing * 60 * 2_000 * 4;
    return quote(shapeOf(), { images, newImages: 0, steps: inventory }, "eu-west-1", true).minutes;
  }

  it("include a minute until Step Functions sees the end of a short step, and five of one over ten minutes", () => {
    expect(minutes(9)).toBeCloseTo(10 + 1 + 0.2, 6);
    expect(minutes(9.001)).toBeCloseTo(10.001 + 5 + 0.2, 6);
  });

  it("include the features of a slower model, and not of images that have them", () => {
    const minutesOf = (newImages: number, relativeTime: number): number => {
      const work = { images: newImages, newImages, steps: { ...inventory, features: true }, relativeTime };
      const { minutes: all, stepMinutes } = quote(shapeOf(), work, "eu-west-1", true);
      return newImages === 0 ? all : stepMinutes.features;
    };

    // 1.5 cores at 86 images a second take a minute for 7,740 images; another minute starts the step, and one polls.
    expect(minutesOf(7_740, 1)).toBeCloseTo(3, 6);
    expect(minutesOf(7_740, 3)).toBeCloseTo(5, 6);
    expect(minutesOf(0, 3)).toBe(minutesOf(0, 1));
  });

  it("count each requested step", () => {
    const all = quote(shapeOf(), { images: 0, newImages: 0, steps: everyStep }, "eu-west-1", true);
    expect(all.minutes).toBeCloseTo(3 * (1 + 1) + 0.2, 6);
  });
});

it("S3 requests are a GET for each new image, two listings of 1,000 images each, and 2,000 others of each kind", () => {
  expect(s3RequestsUsd(0, 0)).toBeCloseTo(2_000 * 4e-7 + 2_000 * 5e-6, 12);
  expect(s3RequestsUsd(1_001, 500)).toBeCloseTo(2_500 * 4e-7 + 2_004 * 5e-6, 12);
});
