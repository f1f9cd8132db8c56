import type { BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { buildPage } from "../../infra/pages.ts";
import { fillPage } from "../../shared/fill-page.ts";
import { type OpenedPage, TestBrowser } from "./browser.ts";

/**
 * Builds a page of pages/ for the tests of a file. After each test, the page that it has opened must have had no problem.
 *
 * @returns `fill` gives the page's HTML with data; `open` also opens it, and waits until it is drawn
 */
export function builtPage<Data extends object>(name: string) {
  const browser = new TestBrowser();
  let template = "";
  let opened: OpenedPage | undefined;
  beforeAll(async () => {
    template = (await buildPage(name)).html;
    await browser.start();
  });
  afterEach(async () => {
    await browser.closePages();
    expect(opened?.problems ?? []).toEqual([]);
    opened = undefined;
  });
  afterAll(() => browser.stop());
  const fill = (data: Data): string => fillPage(template, data);
  const open = async (data: Data, options?: BrowserContextOptions): Promise<Page> => {
    opened = await browser.open(fill(data), options);
    await opened.page.waitForSelector("h1");
    return opened.page;
  };
  return { fill, open };
}
