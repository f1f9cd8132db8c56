import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planCluster } from "../../../lambdas/planning/planner.ts";
import { quote, s3RequestsUsd } from "../../../lambdas/planning/quote.ts";
import { coreSpeed, rates } from "../../../lambdas/planning/rates.ts";
import { everyStep, planRequest } from "./plan-request.ts";

/** The measured speed of a core, which changes with each measurement. */
const perCore = Number((coreSpeed.x86_64.value / rates.secondsPerImage.value).toFixed(1));

/** The text of a quote that people check by hand; its figures are those of rates.ts and of the catalog's prices. */
describe("the arithmetic of a quote", () => {
  it("has every term of a single node", () => {
    expect(planCluster(planRequest(300)).estimate.arithmetic).toBe(
      `8 min until the cluster is ready + 3.0 min for 3 step(s) (300 new images / ${perCore} images/s a core / 1.5 cores) + ` +
        "4 min idle until .sync polling sees an end + 1.2 min around them = 16.2 min; " +
        "(1 x m5.xlarge, EC2 on demand + EMR, eu-west-1, 2026-11-21) 0.262 USD/h + EBS 79 GiB 0.010 USD/h, x 16.2 min + " +
        "S3 requests 0.011 USD = 0.08 USD",
    );
  });

  it("has every term of a cluster with core nodes", () => {
    const { arithmetic } = planCluster(
      planRequest(300, { overrides: { coreCount: 2, coreType: "m5.2xlarge" } }),
    ).estimate;

    expect(arithmetic).toContain(`(300 new images / ${perCore} images/s a core / 8 cores)`);
    expect(arithmetic).toContain("(1 x m5.xlarge + 2 x m5.2xlarge, EC2 on demand + EMR, eu-west-1, 2026-11-21)");
    expect(arithmetic).toContain("1.310 USD/h + EBS 237 GiB 0.029 USD/h");
  });

  it("says if images are only perhaps new, and if the prices are another region's", () => {
    const work = { images: 60_000, newImages: 600, isStoreKnown: false, steps: everyStep };
    const { arithmetic } = planCluster(planRequest(0, { work, region: "eu-central-1" })).estimate;

    expect(arithmetic).toContain(`(600 perhaps new images / ${perCore} images/s a core / 1.5 cores)`);
    expect(arithmetic).toContain("EC2 on demand + EMR, eu-west-1's prices, not eu-central-1's, 2026-11-21");
  });

  it("says nothing of new images if features are not computed", () => {
    const steps = { inventory: false, features: false, reduction: true, any: true };
    const { arithmetic } = planCluster(planRequest(0, { work: { images: 300, newImages: 0, steps } })).estimate;

    expect(arithmetic).toMatch(/^8 min until the cluster is ready \+ 1\.0 min for 1 step\(s\) \+ 2 min idle/);
  });
});

describe("the minutes of a quote", () => {
  it("are fewer for large JPEGs in draft mode, and the same for small images", () => {
    const shape = { ...planCluster(planRequest(300)).cluster, primaryTypes: ["m5.xlarge"], coreTypes: [] };
    const minutesOf = (bytes: number, jpegDraft: boolean): number =>
      quote(shape, { images: 1_000, newImages: 1_000, bytes, jpegDraft, steps: everyStep }, "eu-west-1").minutes;

    expect(minutesOf(4e9, true)).toBeLessThan(minutesOf(4e9, false));
    expect(minutesOf(1e6, true)).toBe(minutesOf(1e6, false));
  });

  const shapeOf = () => ({ ...planCluster(planRequest(300)).cluster, primaryTypes: ["m5.xlarge"], coreTypes: [] });
  const inventory = { inventory: true, features: false, reduction: false, any: true };

  /** Minutes of an inventory on a kept m5.xlarge, whose 4 tasks and 1.5 cores list and hash for some minutes. */
  function minutes(listing: number): number {
    const secondsPerKey = rates.secondsPerKey.value / coreSpeed.x86_64.value / 1.5;
    const images = (listing * 60) / (secondsPerKey + rates.secondsPerPage.value / 1_000 / 4);
    return quote(shapeOf(), { images, newImages: 0, steps: inventory }, "eu-west-1", true).minutes;
  }

  it("include a minute until Step Functions sees the end of a short step, and five of one over ten minutes", () => {
    expect(minutes(8.98)).toBeCloseTo(9.98 + 1 + 0.2, 2);
    expect(minutes(9.02)).toBeCloseTo(10.02 + 5 + 0.2, 2);
  });

  it("include the features of a slower model, and not of images that have them", () => {
    const minutesOf = (newImages: number, relativeTime: number): number => {
      const work = { images: newImages, newImages, steps: { ...inventory, features: true }, relativeTime };
      const { minutes: all, stepMinutes } = quote(shapeOf(), work, "eu-west-1", true);
      return newImages === 0 ? all : stepMinutes.features;
    };

    // Work of a minute for 1.5 cores; another minute starts the step, and one polls.
    const images = Math.round((60 * 1.5 * coreSpeed.x86_64.value) / rates.secondsPerImage.value);
    expect(minutesOf(images, 1)).toBeCloseTo(3, 1);
    expect(minutesOf(images, 3)).toBeCloseTo(5, 1);
    expect(minutesOf(0, 3)).toBe(minutesOf(0, 1));
  });

  it("count each requested step", () => {
    const all = quote(shapeOf(), { images: 0, newImages: 0, steps: everyStep }, "eu-west-1", true);
    expect(all.minutes).toBeCloseTo(3 * (1 + 1) + 0.2, 6);
  });
});

describe("the bottleneck of a quote", () => {
  const shape = (coreCount: number) => ({
    ...planCluster(planRequest(300)).cluster,
    primaryTypes: ["m5.xlarge"],
    coreTypes: ["m7a.2xlarge"],
    coreCount,
  });
  const bottleneck = (images: number, coreCount: number, bytes?: number) =>
    quote(shape(coreCount), { images, newImages: images, steps: everyStep, ...(bytes && { bytes }) }, "eu-west-1")
      .bottleneck;

  it.each([
    [300, 3, "the start and the end of the cluster and its steps"],
    [10_000_000, 3, "the cores in ExtractFeatures"],
    [10_000_000, 100, "the GETs a second that S3 answers in ExtractFeatures"],
  ])("of %i images on %i nodes is %s", (images, coreCount, name) => {
    expect(bottleneck(images, coreCount)).toMatch(new RegExp(`^${name}, \\d+ % of the minutes$`));
  });

  it("of photos is their decoding where that of small images is S3", () => {
    expect(bottleneck(10_000_000, 100, 4e13)).toMatch(/^the cores in ExtractFeatures/);
  });

  it("is none if no step runs", () => {
    const none = { inventory: false, features: false, reduction: false, any: false };
    expect(quote(shape(3), { images: 300, newImages: 0, steps: none }, "eu-west-1").bottleneck).toBe("");
  });
});

it("a quote lies between the minutes of the best and the worst rates", () => {
  const shape = { ...planCluster(planRequest(300)).cluster, primaryTypes: ["m5.xlarge"], coreTypes: [] };
  fc.assert(
    fc.property(fc.nat({ max: 20_000_000 }), fc.boolean(), (images, isReused) => {
      const { minutes, between } = quote(shape, { images, newImages: images, steps: everyStep }, "eu-west-1", isReused);
      expect(between[0]).toBeLessThan(minutes);
      expect(between[1]).toBeGreaterThan(minutes);
    }),
  );
});

it("S3 requests are a GET for each new image, two listings of 1,000 images each, and 2,000 others of each kind", () => {
  expect(s3RequestsUsd(0, 0)).toBeCloseTo(2_000 * 4e-7 + 2_000 * 5e-6, 12);
  expect(s3RequestsUsd(1_001, 500)).toBeCloseTo(2_500 * 4e-7 + 2_004 * 5e-6, 12);
  // A pack takes four requests for each of two tasks, and two for each row group.
  expect(s3RequestsUsd(1_001, 500, 5)).toBeCloseTo((2_000 + 8 + 10) * 4e-7 + 2_000 * 5e-6, 12);
  expect(s3RequestsUsd(1_001, 0, 5)).toBeCloseTo((2_000 + 5) * 4e-7 + 2_000 * 5e-6, 12);
});
