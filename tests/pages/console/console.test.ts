import type { BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { chromium, chromiumMissing } from "../../chromium.ts";
import { seriousViolations } from "../axe.ts";
import { type OpenedPage, TestBrowser } from "../browser.ts";
import { ConsoleAccount, hostile, hostileState } from "./console-account.ts";

if (chromium === undefined) console.warn(`Skipped the console in a browser: ${chromiumMissing}`);

const account = new ConsoleAccount();
const browser = new TestBrowser();
const phone: BrowserContextOptions = { viewport: { width: 360, height: 740 }, hasTouch: true };
let opened: OpenedPage | undefined;

beforeAll(async () => {
  if (chromium === undefined) return;
  await browser.start();
  await account.start();
  await account.deploy();
});

afterEach(async () => {
  await browser.closePages();
  expect(opened?.problems ?? []).toEqual([]);
  opened = undefined;
});

afterAll(async () => {
  await browser.stop();
  await account.remove();
});

/** Opens the console by its link, at a place. */
async function open(fragment = "#/", options?: BrowserContextOptions): Promise<Page> {
  const [address, query] = account.link.split("#/");
  opened = await browser.visit(`${address}${fragment}${query}`, options);
  await opened.page.getByRole("heading", { level: 1 }).waitFor();
  return opened.page;
}

/** Opens the console at an execution. */
function openRun(name: string, options?: BrowserContextOptions): Promise<Page> {
  return open(`#/executions/arn:aws:states:eu-central-1:000000000000:execution:Orchard:${name}`, options);
}

function state(page: Page, name: string) {
  return page.locator("g.state").filter({ has: page.locator("title", { hasText: name }) });
}

async function waitForStatus(page: Page, status: string): Promise<void> {
  await page.locator(".title .status", { hasText: status }).waitFor();
}

describe.skipIf(chromium === undefined)("the console in a browser", () => {
  it("shows nothing without the key, and keeps the key out of the address", async () => {
    const locked = await browser.visit(account.link.replace(/#.*/, ""));
    await locked.page.getByRole("heading", { name: "This console needs its key" }).waitFor();

    const page = await open();

    expect(page.url()).not.toContain("key");
    await page.reload();
    await page.getByRole("link", { name: "Start execution" }).waitFor();
  });

  it("starts an execution by its form, which refuses what the workflow would refuse", async () => {
    const page = await open("#/start");
    await page.getByLabel("limit").fill("1");
    await page.getByRole("button", { name: "Start execution" }).click();
    const refusal = await page.getByRole("alert").innerText();

    await page.getByLabel("mode").selectOption("single-class");
    await page.getByLabel("label", { exact: true }).fill(hostile);
    await page.getByLabel("limit").fill("20");
    await page.getByText("pca", { exact: true }).click();
    await page.getByLabel("components").fill("5");
    const json = JSON.parse(await page.getByRole("textbox", { name: "Execution input, as JSON" }).inputValue());
    await page.getByRole("button", { name: "Start execution" }).click();
    await waitForStatus(page, "Running");

    expect(refusal).toMatch(/^The input is refused: limit: Too small/);
    expect(json).toEqual({ mode: "single-class", label: hostile, limit: 20, pca: { components: 5 } });
    const name = await page.getByRole("heading", { level: 1 }).innerText();
    expect(name).toMatch(/^run-\d{8}-\d{6}-[0-9a-f]{4}$/);
    account.finish(name);
    await waitForStatus(page, "Succeeded");
    await page.locator("main").getByRole("link", { name: "New execution" }).click();
    expect(JSON.parse(await page.getByRole("textbox", { name: "Execution input, as JSON" }).inputValue())).toEqual(
      json,
    );
  });

  it("follows an execution without a reload: states, progress, cluster, log, report", async () => {
    await account.run("live");
    await account.createCluster("live");
    const progress = { step: "features", state: "RUNNING", done: 120, total: 300, unit: "images", errors: 2 };
    await account.write("live", "progress.json", JSON.stringify({ ...progress, ratePerSecond: 25, secondsLeft: 7.2 }));
    const page = await openRun("live");

    await state(page, "ExtractFeatures").and(page.locator(".in-progress")).waitFor();
    expect(await state(page, "TakeInput").getAttribute("aria-label")).toMatch(/^TakeInput Succeeded · /);
    expect(await state(page, "Failed (").getAttribute("aria-label")).toBe("Failed Not started");
    const bar = page.getByRole("region", { name: "Progress" });
    expect(await bar.innerText()).toContain("120 of 300 images · 25 images/s · 7.2 s left · 2 errors");
    await page.getByRole("tab", { name: "Cluster" }).click();
    await page.getByRole("row", { name: /ExtractFeatures\s+Running/ }).waitFor();
    await page.getByRole("tab", { name: "Logs" }).click();
    await page.getByLabel("Log", { exact: true }).selectOption({ index: 2 });
    await page.getByText("<i>40 images</i>").waitFor();

    const isOutside = "try { localStorage.length } catch (error) { document.title = error.name }";
    await account.write("live", "report/report.html", `<h1>The report</h1><script>${isOutside}</script>`);
    account.finish("live");

    await state(page, "ExtractFeatures").and(page.locator(".succeeded")).waitFor();
    await waitForStatus(page, "Succeeded");
    expect(await state(page, "Failed (").getAttribute("aria-label")).toBe("Failed Skipped");
    await page.getByLabel("Log", { exact: true }).selectOption({ index: 3 });
    await page.getByText("<b>The function's log</b>").waitFor();
    const [report] = await Promise.all([
      page.context().waitForEvent("page"),
      page.getByRole("link", { name: "Open report" }).click(),
    ]);
    await report.getByRole("heading", { name: "The report" }).waitFor();
    expect(await report.title()).toBe("SecurityError");
  });

  it("shows input, output and error of a state, and every name as text", async () => {
    account.finish("failed", "fail");
    await account.run("failed", { mode: "mini", label: hostile });
    await account.mail("Orchard: failed FAILED", `Run failed: ${hostile}`);
    const page = await openRun("failed");
    await waitForStatus(page, "Failed");

    await state(page, "ExtractFeatures").and(page.locator(".caught-error")).waitFor();
    await state(page, hostileState).and(page.locator(".succeeded")).waitFor();
    await state(page, "ExtractFeatures").click();
    const panel = page.getByRole("region", { name: "State" });
    expect(await panel.locator(".cause").innerText()).toBe(`ResultsInvalid\n${hostile}`);
    const input = panel.locator("figure").first().locator("pre");
    expect(JSON.parse(await input.innerText())).toMatchObject({ input: { mode: "mini", label: hostile } });
    await state(page, hostileState).click();
    await panel.getByRole("heading", { name: hostileState }).waitFor();
    await panel.getByRole("tab", { name: "Output" }).click();
    await panel.getByText("ResultsInvalid").waitFor();
    await page.getByRole("button", { name: "LambdaFunctionFailed" }).click();
    await page.locator(".events pre", { hasText: '"error": "ResultsInvalid"' }).waitFor();
    await page.getByRole("tab", { name: "Mails" }).click();
    await page.locator(".mails pre", { hasText: hostile }).waitFor();
    expect(await page.locator("main script, main img").count()).toBe(0);
  });

  it("stops an execution after a question, and redrives it", async () => {
    await account.run("stopped");
    const page = await openRun("stopped");
    await state(page, "ExtractFeatures").and(page.locator(".in-progress")).waitFor();

    await page.getByRole("button", { name: "Stop execution" }).click();
    expect(await account.status("stopped")).toBe("RUNNING");
    await page.getByRole("dialog").getByRole("button", { name: "Stop execution" }).click();
    await waitForStatus(page, "Aborted");

    await state(page, "ExtractFeatures").and(page.locator(".canceled")).waitFor();
    expect(await page.locator(".execution-head .cause").innerText()).toContain("A person stopped the execution");
    await page.getByRole("button", { name: "Redrive" }).click();
    await waitForStatus(page, "Running");
    account.finish("stopped");
    await waitForStatus(page, "Succeeded");
  });

  it.each([
    ["a desktop, light", { viewport: { width: 1280, height: 860 }, colorScheme: "light" }],
    ["a phone, dark", { ...phone, colorScheme: "dark" }],
  ] as const)("has nothing that axe calls serious, and no sideways scrolling: %s", async (_, options) => {
    const page = await openRun("failed", options);
    const found: string[] = [];
    const headings = { "#/start": "Start execution", "#/mails": "Mails", [location(page)]: "failed" };
    for (const [place, name] of Object.entries(headings)) {
      await page.evaluate((hash) => window.location.assign(hash), place);
      await page.getByRole("heading", { level: 1, name }).waitFor();
      found.push(...(await seriousViolations(page)));
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect([place, overflow]).toEqual([place, 0]);
    }

    expect(found).toEqual([]);
  });

  it("says when the account is away, and goes on with the next one", async () => {
    const page = await openRun("live");
    await waitForStatus(page, "Succeeded");

    await account.stop();
    await page.getByText("The account is not reachable. Trying again…").waitFor();
    await waitForStatus(page, "Succeeded");
    await account.start();
    await page.getByText("The account is not reachable").waitFor({ state: "detached" });
    await account.run("later", { mode: "inventory" });

    await page.getByRole("link", { name: /^later/ }).click();
    await waitForStatus(page, "Succeeded");
    // A browser reports each request that is refused while the account is away.
    opened = {
      page,
      problems: opened?.problems.filter((problem) => !/ERR_CONNECTION_REFUSED|status of 50[03]/.test(problem)) ?? [],
    };
  });
});

function location(page: Page): string {
  return new URL(page.url()).hash;
}
