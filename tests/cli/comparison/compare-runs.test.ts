import { describe, expect, it } from "vitest";
import { compareRuns, type RunFacts, type Selection } from "../../../cli/comparison/compare-runs.ts";
import { renderComparison } from "../../../cli/comparison/render-comparison.ts";
import { makeReport } from "../../../cli/execution/run-report.ts";
import { aPlan, aValidation } from "../../lambdas/fixtures.ts";
import { cost } from "../../lambdas/mail/states.ts";

function selectionOf(...paths: readonly string[]): Selection {
  return new Map(paths.map((path) => [path, { label: path.split("/")[1] ?? "", etag: `etag of ${path}` }]));
}

function visit(name: string, seconds: number) {
  return { name, enteredAt: new Date(0), leftAt: new Date(1_000 * seconds), failed: false, retries: 0 };
}

const plan = aPlan("data");
const parts = {
  runId: "run-1",
  executionArn: plan.executionArn,
  status: "SUCCEEDED",
  error: null,
  data: { plan, validation: aValidation(), cost },
  visits: [visit("Preflight", 2), visit("Inventory", 20), visit("Inventory", 5)],
  results: { folder: null, uri: plan.run, files: null },
  mail: undefined,
  cluster: undefined,
  seconds: 90,
};
const report = makeReport(parts);
const before: RunFacts = {
  report,
  startedAt: new Date("2026-01-01T00:00:00Z"),
  plan,
  variance: { ratios: [0.5, 0.25], cumulative: [0.5, 0.75] },
  selection: selectionOf("Training/Apple/1.jpg", "Training/Apple/2.jpg", "Training/Pear/1.jpg"),
  missing: [],
};

function other(changes: Partial<RunFacts> = {}): RunFacts {
  return { ...before, report: { ...report, runId: "run-2" }, ...changes };
}

describe("compareRuns", () => {
  it("finds no difference between two equal runs", () => {
    const { parameters, labels, images } = compareRuns([before, other()], true);

    expect({ parameters, labels }).toEqual({ parameters: [], labels: [] });
    const nothing = { count: 0, examples: [] };
    expect(images).toEqual({ added: nothing, removed: nothing, changed: nothing, unchanged: 3 });
  });

  it("tells added, removed and changed images apart, and counts their labels", () => {
    const selection: Selection = new Map([
      ...selectionOf("Training/Apple/1.jpg", "Training/Kiwi/1.jpg", "Training/Kiwi/2.jpg"),
      ["Training/Pear/1.jpg", { label: "Pear", etag: "another" }],
    ]);

    const { images, labels } = compareRuns([before, other({ selection })], true);

    expect(images).toEqual({
      added: { count: 2, examples: ["Training/Kiwi/1.jpg", "Training/Kiwi/2.jpg"] },
      removed: { count: 1, examples: ["Training/Apple/2.jpg"] },
      changed: { count: 1, examples: ["Training/Pear/1.jpg"] },
      unchanged: 1,
    });
    expect(labels).toEqual([
      { label: "Kiwi", images: [0, 2] },
      { label: "Apple", images: [2, 1] },
    ]);
  });

  it("takes an image whose etag is not known for unchanged", () => {
    const selection: Selection = new Map(
      [...(before.selection ?? [])].map(([path, image]) => [path, { ...image, etag: null }]),
    );

    expect(compareRuns([before, other({ selection })], true).images?.unchanged).toBe(3);
  });

  it("names at most 20 images of each kind, and counts all", () => {
    const paths = Array.from({ length: 1_000 }, (_, at) => `Training/Kiwi/${at}.jpg`);

    const { images } = compareRuns([before, other({ selection: selectionOf(...paths) })], true);

    expect(images?.added.count).toBe(1_000);
    expect(images?.added.examples).toHaveLength(20);
  });

  it("has the parameters that differ, the variance of the longer run, and the sum of a state's times", () => {
    const longer = other({
      plan: aPlan("data", { pca: { components: 3 }, limit: null }),
      variance: { ratios: [0.5, 0.2, 0.1], cumulative: [0.5, 0.7, 0.8] },
    });

    const { parameters, variance, states } = compareRuns([before, longer], true);

    expect(parameters).toEqual([
      { name: "limit", values: ["60", "null"] },
      { name: "pca", values: ['{"components":50}', '{"components":3}'] },
    ]);
    expect(variance.at(-1)).toEqual({ component: 3, explained: [null, 0.1], cumulative: [null, 0.8] });
    expect(states).toEqual([
      { name: "Preflight", seconds: [2, 2] },
      { name: "Inventory", seconds: [25, 25] },
    ]);
  });

  it("compares a run that was refused as far as it has come", () => {
    const refused = makeReport({ ...parts, status: "FAILED", data: {} });
    const missing = ["The images of run-2 are not known: it has no plan"];

    const comparison = compareRuns(
      [before, other({ report: refused, plan: undefined, variance: null, selection: null, missing })],
      true,
    );

    expect(comparison.images).toBeNull();
    expect(comparison.parameters).toContainEqual({ name: "mode", values: ["mini", null] });
    expect(renderComparison(comparison)).toMatch(/! The images of run-2 are not known: it has no plan$/);
  });
});

describe("renderComparison", () => {
  it("shows both values and the difference, and points for shares", () => {
    const second = { ...report, runId: "run-2", images: 80, variance: 0.9, seconds: 30 };

    const shown = renderComparison(compareRuns([before, other({ report: second })], true));

    expect(shown).toMatch(/^ +run-1 +run-2 +DIFFERENCE$/m);
    expect(shown).toMatch(/^ Images +59 +80 +\+21$/m);
    expect(shown).toMatch(/^ Variance kept +93\.00 % +90\.00 % +−3\.00 points$/m);
    expect(shown).toMatch(/^ Cost in USD +0\.06 +0\.06$/m);
    expect(shown).toMatch(/^ Total +1m 30s +30\.0 s +−1m$/m);
    expect(shown).toContain("Selected images: 3 unchanged\n0 added\n0 removed\n0 changed");
    expect(shown).not.toMatch(/PARAMETER|LABEL/);
  });

  it("says what AWS would have cost, on the embedded account", () => {
    const shown = renderComparison(compareRuns([before, other()], false));

    expect(shown).toMatch(/^ On AWS, in USD +\d+\.\d\d +\d+\.\d\d$/m);
  });

  it("quotes names that would control the terminal, and cuts long lists", () => {
    const paths = Array.from({ length: 12 }, (_, at) => `Training/L${at}\u001b[2J/${at}.jpg`);

    const shown = renderComparison(compareRuns([before, other({ selection: selectionOf(...paths) })], true));

    expect(shown).not.toMatch(/[^\P{C}\n]/u);
    expect(shown).toContain('"Training/L0\\u001b[2J/0.jpg"');
    expect(shown).toContain("  … and 7 more");
    expect(shown).toContain("… and 4 more labels");
  });
});
