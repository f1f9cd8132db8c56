import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import type { Plan } from "../../lambdas/contract/plan.ts";
import type { Pack } from "../../lambdas/preflight/packed-tree.ts";
import { isDeep } from "../deep.ts";
import { evenTree } from "../doubles/s3-listing.ts";
import { isGone } from "./account/cluster.ts";
import { deploy } from "./account/deployed.ts";
import type { Simulation } from "./account/simulation.ts";
import { violationsOf } from "./invariants/all-invariants.ts";
import { fault } from "./scenarios/build-scenario.ts";
import { play } from "./scenarios/play.ts";
import type { Scenario } from "./scenarios/scenario.ts";

const deployed = deploy();
const images = 10_000_000;
const labels = 131;
/** The functions parse two million keys. This takes no virtual time, but much real time on a busy machine. */
const limitMs = 3_600_000;

/** A pack of ten million images, whose manifest Preflight reads instead of listing them. */
function pack({ s3 }: Simulation): void {
  const groups = Array.from({ length: labels }, (_, index) => {
    const count = Math.floor(images / labels) + (index < images % labels ? 1 : 0);
    return {
      split: "Training",
      label: `label-${index}`,
      images: count,
      bytes: 1_024 * count,
      fingerprint: "0".repeat(64),
    };
  });
  const shards = [{ name: "shards/00000.parquet", groups: ["00"] }];
  const manifest: Pack = { version: 1, layout: "split/label", groups, leftOut: [], shards };
  s3.write("data/packed/pack.json", manifest);
}

function ofPack(name: string, maxCostUsd: number, faults: Scenario["faults"] = []): Scenario {
  return { name, faults, prepare: pack, input: { mode: "full", input: "s3://orchard-data/data/packed/", maxCostUsd } };
}

interface Played extends Simulation {
  /** Preflight's plan. */
  readonly plan: Plan;
  /** The plan with the inventory's counts, as the run's results have it; undefined without results. */
  readonly confirmed: Plan | undefined;
}

/** Plays a scenario of one execution, after which no cluster may be left. */
async function playRun(scenario: Scenario): Promise<Played> {
  const simulation = await play(deployed, scenario, limitMs);
  expect(violationsOf(simulation)).toEqual([]);
  expect(simulation.createdClusters.map(isGone)).toEqual([true]);
  // Step Functions allows 262,144 bytes. The state data stay far below that, whatever the number of images.
  expect(simulation.executions[0]?.mostBytes).toBeLessThan(20_000);
  const { s3 } = simulation;
  const manifest = s3.json("runs/run-1/manifest.json") as { readonly plan: Plan } | undefined;
  return Object.assign(simulation, { plan: s3.json("runs/run-1/plan.json") as Plan, confirmed: manifest?.plan });
}

function statesOf({ executions: [execution] }: Simulation): readonly string[] {
  return (execution?.history ?? []).flatMap(({ type, state = "" }) => (type === "StateEntered" ? [state] : []));
}

/** Asserts that a run of ten million images was computed, checked by a sample of its files, and reported. */
function expectComplete(played: Played): void {
  const { confirmed, executions, mails, s3 } = played;
  expect(executions[0]?.outcome).toEqual({ status: "SUCCEEDED" });
  expect(confirmed).toMatchObject({ confirmed: true, counts: { images, labels }, formats: ["parquet"] });
  expect(confirmed?.counts.estimated).toBeUndefined();
  expect(statesOf(played).join(" ")).toMatch(
    /Inventory ConfirmQuote .*ExtractFeatures .*ReduceDimensions .*WriteReport/,
  );
  for (const folder of ["features", "pca"]) {
    const files = [...s3.objects.keys()].filter((key) => key.startsWith(`runs/run-1/${folder}/parquet/`));
    const opened = s3.reads.filter((key) => files.includes(key));
    expect(files.length).toBeGreaterThan(300);
    expect(opened.length).toBeLessThanOrEqual(200);
    expect(opened.length).toBeGreaterThan(90);
  }
  const [mail] = mails;
  expect(mails).toHaveLength(1);
  expect(mail?.subject).toContain("run-1 succeeded: 10,000,000 images");
  expect(mail?.message).toContain("Features:  10,000,000 computed, 0 reused\n");
  expect(mail?.message).toMatch(/ as quoted\n/);
}

it("ten million images of a pack are planned, quoted, computed, validated, reported and mailed", async () => {
  const played = await playRun(ofPack("pack", 10));

  const { plan, mails } = played;
  expect(plan.counts).toEqual({ images, labels, bytes: 1_024 * images });
  expect(plan.estimate.arithmetic).toContain("(10000000 new images / ");
  expect(plan.estimate.usd).toBeLessThan(10);
  expect(plan.stepLimits.features.seconds).toBeGreaterThan(60 * (plan.estimate.minutes - 30));
  expectComplete(played);
  expect(mails[0]?.message).toContain("No CSV files are written");
  // The store is empty, so nothing is reused.
  expect(plan.reusedFeatures).toBe("copy");
});

it("a run whose inventory finds more than maxCostUsd pays for ends before its features, with a mail", async () => {
  const played = await playRun(ofPack("grown pack", 10, [fault("*", "results:Inventory", "GROWN")]));

  const { executions, mails, createdClusters, confirmed } = played;
  const steps = createdClusters.flatMap((cluster) => cluster.steps.map(({ Name: name }) => name));
  expect(executions[0]?.outcome).toMatchObject({ status: "FAILED", error: "QuoteExceeded" });
  expect(steps).toEqual(["Inventory"]);
  expect(confirmed).toBeUndefined();
  expect(mails.map(({ subject }) => subject)).toEqual(["Orchard: run-1 FAILED in ConfirmQuote: QuoteExceeded"]);
  expect(mails[0]?.message).toContain("planned with 10,000,000 images");
  expect(mails[0]?.message).toContain("Inventory step has found 1,000,000,000");
  expect(mails[0]?.message).toContain("the ceiling is 10 USD");
});

/** Returns the MiB that are in use after a garbage collection. */
function liveMiB(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

it.runIf(isDeep)(
  "ten million single images are estimated by a listing of two million, and counted by the inventory",
  async () => {
    let calls = 0;
    let most = 0;
    const before = liveMiB();
    const { count, keyAt } = evenTree(images, labels);
    const measured = (index: number): string => {
      calls += 1;
      if (calls % 500_000 === 0) most = Math.max(most, liveMiB() - before);
      return keyAt(index);
    };
    const prepare = ({ s3 }: Simulation): void => {
      s3.tree = { count, keyAt: measured };
    };

    const played = await playRun({ name: "tree", faults: [], prepare, input: { mode: "full", maxCostUsd: 20 } });

    const { plan, confirmed, s3, mails } = played;
    expect(plan.counts).toMatchObject({ labels, estimated: true });
    expect(Math.abs(plan.counts.images / images - 1)).toBeLessThan(0.01);
    expect(plan.warnings[0]).toMatch(/^There are about [\d,]+ images, too many to list before the run/);
    expect(confirmed?.warnings.some((warning) => warning.startsWith("There are about"))).toBe(false);
    expect(mails[0]?.message).not.toContain("There are about");
    expect(s3.listings).toBeLessThan(20_000);
    // Two million keys are listed; as objects they would take 300 MiB.
    expect(most).toBeLessThan(100);
    expectComplete(played);
  },
  limitMs,
);
