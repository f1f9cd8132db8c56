import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { ComparedRun, Comparison } from "../../../lambdas/contract/comparison.ts";
import { chromium, chromiumMissing } from "../../chromium.ts";
import { findViolations } from "../axe.ts";
import { builtPage } from "../built-page.ts";

if (chromium === undefined) console.warn(`Skipped the comparison in a browser: ${chromiumMissing}`);

const { open } = builtPage<Comparison>("compare");
const hostile = `"><script>alert(1)</script> 🍎 תפוח ${"x".repeat(300)}`;

const before: ComparedRun = {
  runId: "run-1",
  status: "SUCCEEDED",
  startedAt: "2026-01-01T00:00:00.000Z",
  seconds: 90,
  images: 500,
  labels: 10,
  errors: 0,
  computed: 500,
  reused: 0,
  components: 3,
  variance: 0.9241,
  usd: 0.08,
  quotedUsd: 0.1,
  states: [],
};

const comparison: Comparison = {
  runs: [before, { ...before, runId: "run-2", images: 480, components: 2, variance: 0.9, seconds: 30, usd: null }],
  onAws: true,
  parameters: [{ name: "label", values: [null, hostile] }],
  variance: [
    { component: 1, explained: [0.6, 0.7], cumulative: [0.6, 0.7] },
    { component: 2, explained: [0.3, 0.2], cumulative: [0.9, 0.9] },
    { component: 3, explained: [0.0241, null], cumulative: [0.9241, null] },
  ],
  states: [{ name: "ExtractFeatures", seconds: [26.5, null] }],
  labels: [{ label: hostile, images: [30, 10] }],
  images: {
    added: { count: 0, examples: [] },
    removed: { count: 20, examples: [hostile] },
    changed: { count: 1, examples: ["Training/Kiwi/1.jpg"] },
    unchanged: 479,
  },
  missing: [],
};

function rowsOf(page: Page, section: string): Promise<readonly (readonly string[])[]> {
  return page
    .locator(`#${section} table`)
    .first()
    .locator("tbody tr")
    .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent ?? "")));
}

describe.runIf(chromium)("the comparison in a browser", () => {
  it("shows both runs with the differences", async () => {
    const page = await open(comparison);

    expect(await page.locator("h1").innerText()).toBe("run-2 compared with run-1");
    const rows = await rowsOf(page, "runs");
    expect(rows).toContainEqual(["Images", "500", "480", "−20"]);
    expect(rows).toContainEqual(["Variance kept", "92.41 %", "90.00 %", "−2.41 points"]);
    expect(rows).toContainEqual(["Cost", "0.08 USD", "–", ""]);
    expect(await page.locator(".line-before, .line-after").count()).toBe(2);
    expect(await page.locator("#images").innerText()).toContain("Removed: 20");
  });

  it("shows hostile names as text, and says what is missing", async () => {
    const page = await open({ ...comparison, images: null, labels: [], missing: [hostile] });

    expect(await rowsOf(page, "parameters")).toEqual([["label", "–", hostile]]);
    expect(await page.locator(".notice").innerText()).toBe(hostile);
    expect(await page.locator("#images").count()).toBe(0);
  });

  it.each([
    ["light", { colorScheme: "light" }],
    ["dark, on a phone", { colorScheme: "dark", viewport: { width: 360, height: 740 } }],
  ] as const)("has nothing that axe finds serious, and is not wider than the screen: %s", async (_, options) => {
    const page = await open(comparison, options);

    const found = await findViolations(page);

    expect(found.map(({ id }) => id)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  });
});
