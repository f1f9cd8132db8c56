import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import type { BrowserContextOptions, Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { ReportData } from "../../../lambdas/contract/report-data.ts";
import { chromium, chromiumMissing } from "../../chromium.ts";
import { seriousViolations } from "../axe.ts";
import { builtPage } from "../built-page.ts";
import { type Example, exampleReport, labelNames } from "./example-data.ts";

if (chromium === undefined) console.warn(`Skipped the report in a browser: ${chromiumMissing}`);

const { fill, open } = builtPage<ReportData>("report");
const small: Example = { images: 48, labels: labelNames(6), sample: 48, thumbnails: 20 };
const phone: BrowserContextOptions = { viewport: { width: 360, height: 740 }, hasTouch: true };

/** Text of the first element, without the spaces between elements. */
async function text(page: Page, selector: string): Promise<string> {
  return (await page.locator(selector).first().innerText()).replaceAll(/\s+/g, " ").trim();
}

/** The rows of the table behind a picture, as they are on the screen. */
async function tableRows(page: Page, section: string): Promise<readonly (readonly string[])[]> {
  const scope = page.locator(`#${section}`);
  const summary = scope.locator("summary").first();
  if (await summary.isVisible()) await summary.click();
  const table = scope.locator("table").first();
  // A picture makes its table after it is opened.
  await table.waitFor();
  return table
    .locator("tbody tr")
    .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent ?? "")));
}

async function downloaded(page: Page, section: string): Promise<readonly (readonly string[])[]> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.locator(`#${section}`).getByRole("button", { name: "data as CSV" }).first().click(),
  ]);
  return parse(readFileSync(await download.path(), "utf8"), { bom: true });
}

/** Waits until the plot has drawn what changed. */
function drawn(page: Page): Promise<unknown> {
  return page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

/** Counts the pixels of the plot that have a colour, by that colour. */
async function colours(page: Page): Promise<ReadonlyMap<string, number>> {
  await drawn(page);
  const counts = await page.locator(".plot canvas").evaluate((canvas: HTMLCanvasElement) => {
    const { data } = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
    const found = new Map<string, number>();
    for (let at = 0; at < data.length; at += 4) {
      const rgb = [data[at], data[at + 1], data[at + 2]].join(" ");
      found.set(rgb, (found.get(rgb) ?? 0) + 1);
    }
    return [...found];
  });
  // The ground and the grid are the most frequent colours.
  return new Map(counts.sort(([, one], [, other]) => other - one).slice(2));
}

function titleTerms(page: Page): Promise<readonly string[]> {
  return page
    .locator("#summary .facts > div")
    .evaluateAll((facts) =>
      facts.map((fact) => [...fact.children].map((child) => child.childNodes[0]?.textContent ?? "").join(": ")),
    );
}

describe.skipIf(chromium === undefined)("the report in a browser", () => {
  it("says what ran and whether to trust it, with the numbers of the run", async () => {
    const data = await exampleReport(small);

    const page = await open(data);

    expect(await page.title()).toBe("full-2026-03-01 – Orchard report");
    expect(await text(page, "h1")).toBe(
      "You can trust this run of 48 images of 6 labels: 4 checks passed, 3 images failed and the weights are ImageNet's.",
    );
    expect(await titleTerms(page)).toEqual([
      ...["Images: 48", "Errors: 3", "Components: 50", "Computed: 36", "Duration: 23 min 10 s", "Cost: 0.71 USD"],
    ]);
  });

  it("shows the numbers of the data behind each picture", async () => {
    const data = await exampleReport(small);
    const page = await open(data);

    const { ratios = [], cumulative = [] } = data.variance ?? {};
    const variance = (await tableRows(page, "variance")).map((row) => row.map(Number));
    expect(variance.map(([component]) => component)).toEqual(ratios.map((_, index) => index + 1));
    ratios.forEach((ratio, index) => {
      expect(variance[index]?.[1]).toBeCloseTo(ratio, 4);
      expect(variance[index]?.[2]).toBeCloseTo(cumulative[index] ?? 0, 3);
    });
    expect(await tableRows(page, "labels")).toEqual(
      data.figures?.labels.map(({ label, images }) => [label, String(images)]),
    );
    expect(await tableRows(page, "errors")).toEqual(
      data.errors.map(({ reason, images, examples }) => [reason, String(images), examples.join("\n")]),
    );
    expect(await tableRows(page, "cost")).toEqual([
      ["Quoted", "0.84", "27"],
      ["True", "0.71", "22.8"],
    ]);
    expect((await tableRows(page, "timeline")).map(([kind, name]) => [kind, name])).toContainEqual([
      "Step",
      "ExtractFeatures",
    ]);
    expect(await text(page, "#meaning")).toContain("Measured on all 48 images");
  });

  it.each([
    ["light, on a desk", { viewport: { width: 1280, height: 900 }, colorScheme: "light" }],
    ["dark, on a phone", { ...phone, colorScheme: "dark" }],
  ] as const)("has nothing that axe calls serious, and no sideways scrolling: %s", async (_, options) => {
    const data = await exampleReport(small);
    const page = await open(
      { ...data, checks: data.checks.map((check, index) => ({ ...check, ok: index > 0 })) },
      options,
    );
    for (const summary of await page.locator("summary").all()) if (await summary.isVisible()) await summary.click();
    await page.fill("#search", "Training/Apple 1/");
    await page.locator(".side .image-button").first().click();

    expect(await seriousViolations(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(options.viewport.width);
  });

  it("hides and shows labels by the legend", async () => {
    const page = await open(await exampleReport(small));
    const all = await colours(page);

    await page.locator(".legend").getByRole("button", { name: "Hide all" }).click();
    const none = await colours(page);
    await page.getByRole("checkbox", { name: /Cherry 1/ }).check();
    const one = await colours(page);

    expect(none.size).toBe(0);
    expect(one.size).toBeGreaterThan(0);
    expect(one.size).toBeLessThan(all.size);
  });

  it("highlights the labels and lists the images that the search finds", async () => {
    const page = await open(await exampleReport(small));
    const all = await colours(page);

    await page.fill("#search", "grape");

    expect(await page.locator(".legend-rows li:visible").allInnerTexts()).toEqual([expect.stringContaining("Grape 1")]);
    expect(await page.locator(".side .image-button").count()).toBe(8);
    expect((await colours(page)).size).toBeLessThan(all.size);
  });

  it("shows other components", async () => {
    const data = await exampleReport(small);
    const page = await open(data);
    const before = await colours(page);

    await page.selectOption("#x-component", { label: "PC3" });
    await page.selectOption("#y-component", { label: "PC10" });
    await drawn(page);

    expect(await page.locator(".plot .axis-title").allTextContents()).toEqual(["PC3", "PC10"]);
    expect([...(await colours(page))]).not.toEqual([...before]);
  });

  it("shows the nearest images of the image that is found, and of one that is clicked", async () => {
    const data = await exampleReport(small);
    const { images, sample } = data.figures ?? (await exampleReport(small)).figures ?? expect.fail();
    const neighbours = Array.from(
      new Uint16Array(Uint8Array.from(Buffer.from(sample.neighbours.base64, "base64")).buffer),
    );
    const page = await open(data);

    await page.fill("#search", images.paths[0] ?? "");
    await page.locator(".side .image-button").first().click();
    await drawn(page);

    expect(await page.locator(".details code").innerText()).toBe(images.prefix + images.paths[0]);
    const nearest = neighbours.slice(0, 5).map((position) => images.paths[sample.images[position] ?? 0]);
    expect(await page.locator(".details .image-list .path").allInnerTexts()).toEqual(nearest);
    expect(await page.locator(".details .image-button").first().innerText()).toContain(
      String(sample.distances[0]?.[0]),
    );
    expect(await page.locator(".plot .ring").count()).toBe(6);
    await page.locator(".plot").scrollIntoViewIfNeeded();
    const clicked = (await page.locator(".plot .ring").nth(5).boundingBox()) ?? expect.fail();
    await page.mouse.click(clicked.x + clicked.width / 2, clicked.y + clicked.height / 2);
    expect(await page.locator(".details code").innerText()).toBe(`${images.prefix}${nearest[4]}`);
  });

  it("shows an outlier among the other images", async () => {
    const data = await exampleReport(small);
    const [{ path } = expect.fail()] = data.figures?.outliers ?? [];
    const page = await open(data);

    await page.locator("#copies").getByRole("button", { name: path }).first().click();
    await drawn(page);

    expect(await page.locator(".details code").innerText()).toBe(path);
    expect(await page.locator(".plot .ring.selected").count()).toBe(1);
  });

  it("shows label, path and thumbnail of the image below the pointer", async () => {
    const data = await exampleReport({ images: 2, labels: ["only"], sample: 2, thumbnails: 2 });
    const page = await open(data);
    await page.fill("#search", "/0_100.jpg");
    await page.locator(".side .image-button").click();
    await drawn(page);
    await page.locator(".plot").scrollIntoViewIfNeeded();

    const { x, y, width, height } = (await page.locator(".plot .ring.selected").boundingBox()) ?? expect.fail();
    await page.mouse.move(x + width / 2, y + height / 2);

    expect(await text(page, ".tip")).toBe("only Training/only/0_100.jpg");
    const isPainted = (canvas: HTMLCanvasElement) =>
      canvas
        .getContext("2d")
        ?.getImageData(16, 16, 1, 1)
        .data.some((value) => value > 0 && value < 255);
    await expect.poll(() => page.locator(".tip canvas").evaluate(isPainted)).toBe(true);
  });

  it("zooms by the wheel only after a click, so that the page scrolls over it", async () => {
    const page = await open(await exampleReport(small));
    const ticks = () => page.locator(".plot .tick text").allTextContents();
    const before = await ticks();
    await page.locator(".plot canvas").hover();

    await page.mouse.wheel(0, -200);
    await drawn(page);
    const scrolled = await ticks();
    await page.locator(".plot canvas").click({ position: { x: 2, y: 2 } });
    await page.mouse.wheel(0, -200);

    expect(scrolled).toEqual(before);
    await expect.poll(ticks).not.toEqual(before);
  });

  it("moves and zooms by the keyboard, and resets", async () => {
    const page = await open(await exampleReport(small));
    const ticks = () => page.locator(".plot .tick text").allTextContents();
    const before = await ticks();
    await page.locator(".plot canvas").focus();

    await page.keyboard.press("+");
    await expect.poll(ticks).not.toEqual(before);
    const zoomed = await ticks();
    for (let press = 0; press < 3; press += 1) await page.keyboard.press("ArrowRight");
    await expect.poll(ticks).not.toEqual(zoomed);
    await page.keyboard.press("0");

    await expect.poll(ticks).toEqual(before);
  });

  it("saves the data of each picture as CSV", async () => {
    const data = await exampleReport({ ...small, labels: ['=cmd("x")', ...labelNames(5)] });
    const page = await open(data);

    const labels = await downloaded(page, "labels");
    const variance = await downloaded(page, "variance");
    const components = await downloaded(page, "images");

    expect(labels[0]).toEqual(["label", "images"]);
    expect(labels).toContainEqual([`'=cmd("x")`, "8"]);
    expect(variance.slice(1).map(([, ratio]) => Number(ratio))).toEqual(data.variance?.ratios);
    expect(components).toHaveLength(1 + small.images);
    expect(components[1]?.slice(0, 2)).toEqual([
      `${data.figures?.images.prefix}${data.figures?.images.paths[0]}`,
      `'=cmd("x")`,
    ]);
    const buttons = await page.locator("button.csv").count();
    expect(buttons).toBeGreaterThanOrEqual(9);
  });

  it("shows hostile names as text", async () => {
    const names = [
      "<script>alert(1)</script>",
      `"'><img src=x onerror=alert(1)>`,
      "🍎 emoji",
      "تفاح أحمر",
      "x".repeat(300),
      "</script><b>",
    ];
    const data = await exampleReport({ ...small, labels: names });
    const run = { ...data.run, id: "<b>run</b>", mode: "</script>" };
    const checks = [{ name: "<i>check</i>", ok: true, detail: "{{data}}</script>" }];
    const page = await open({ ...data, run, checks }, phone);

    expect(await tableRows(page, "labels")).toEqual(names.map((name) => [name, "8"]));
    expect(await page.title()).toContain("<b>run</b>");
    expect(await page.locator("#page :is(script, b, i, img)").count()).toBe(0);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  });

  it("names the reason for each part that is missing", async () => {
    const data = await exampleReport(small);
    const missing = (["checks", "variance", "errors", "figures", "timeline", "cost"] as const).map((part) => ({
      part,
      reason: `No ${part} for a reason.`,
    }));
    const nothing = { checks: [], errors: [], timeline: [], variance: null, quote: null, cost: null, figures: null };

    const page = await open({ ...data, ...nothing, missing });

    const shown = await text(page, "#page");
    for (const { reason } of missing) expect(shown).toContain(reason);
    expect(await text(page, "h1")).toContain("its checks are not known");
  });

  it.each([
    ["two images of one label", { images: 2, labels: ["only"], sample: 2, thumbnails: 0 }],
    ["one image", { images: 1, labels: ["only"], sample: 1, thumbnails: 1 }],
    ["2,000 labels", { images: 4_000, labels: labelNames(2_000), sample: 50, thumbnails: 0 }],
  ])("draws %s", async (_, example) => {
    const page = await open(await exampleReport(example), phone);

    expect((await colours(page)).size).toBeGreaterThan(0);
    const bottom = (selector: string) => page.locator(selector).evaluate((each) => each.getBoundingClientRect().bottom);
    expect(await bottom(".legend-rows")).toBeLessThanOrEqual(await bottom("#images figure"));
    expect(await page.locator(".legend-rows li").count()).toBe(example.labels.length);
  });

  it("draws a run with a single component", async () => {
    const data = await exampleReport({ images: 2, labels: ["one", "two"], sample: 2, thumbnails: 0 });
    const figures = data.figures && { ...data.figures, components: data.figures.components.slice(0, 1) };

    const page = await open({ ...data, figures, variance: { ratios: [1], cumulative: [1] } });

    expect((await colours(page)).size).toBeGreaterThan(0);
    expect(await text(page, "#variance")).toContain("k = 1 component");
  });

  it("warns wherever random weights matter", async () => {
    const data = await exampleReport(small);

    const page = await open({ ...data, model: { ...data.model, weights: "seeded" } });

    expect(await text(page, "h1")).toContain("mean nothing, because the model's weights are random");
    for (const place of ["#seeded", "#images .notice", "#meaning .notice"])
      expect(await text(page, place)).toContain("andom");
  });

  it("names the precision of the computation unless it is float32", async () => {
    const data = await exampleReport(small);

    const page = await open({ ...data, model: { ...data.model, precision: "bf16" } });

    expect(await text(page, ".facts")).toContain("bf16");
    expect(await text(await open(data), ".facts")).not.toContain("Precision");
  });

  it("says what AWS would have cost for a run on the embedded account", async () => {
    const data = await exampleReport(small);

    const page = await open({ ...data, run: { ...data.run, onAws: false }, cost: null });

    expect(await titleTerms(page)).toContain("On AWS it would cost: 0.84 USD");
    expect(await tableRows(page, "cost")).toEqual([["Quoted", "0.84", "27"]]);
  });

  it("changes between light and dark, and prints in light", async () => {
    const page = await open(await exampleReport(small), { colorScheme: "dark" });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await ground();

    await page.getByRole("button", { name: "Use light colours" }).click();
    const light = await ground();
    await page.getByRole("button", { name: "Use dark colours" }).click();

    expect(light).not.toBe(dark);
    expect(await ground()).toBe(dark);
    expect((await page.pdf()).length).toBeGreaterThan(10_000);
    expect(await ground()).toBe(dark);
    await page.emulateMedia({ media: "print" });
    expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe("light");
    expect(await page.locator("nav").isVisible()).toBe(false);
  });
});

it("is smaller than 3 MB for 67,692 images of 131 labels", async () => {
  const data = await exampleReport({ images: 67_692, labels: labelNames(131), sample: 200, thumbnails: 200 });

  expect(fill(data).length).toBeLessThan(3_000_000);
});
