import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, type BrowserContextOptions, type Page, chromium as playwright } from "playwright-core";
import { chromium } from "../chromium.ts";

/** A page, and the problems that it must not have: errors on the console, uncaught errors, dialogs and requests. */
export interface OpenedPage {
  readonly page: Page;
  readonly problems: readonly string[];
}

/** One browser, and the pages that a test file opens in it. */
export class TestBrowser {
  readonly #folder = mkdtempSync(join(tmpdir(), "orchard-pages-"));
  #browser: Browser | undefined;
  #files = 0;

  async start(): Promise<void> {
    if (chromium) this.#browser = await playwright.launch({ executablePath: chromium, args: ["--no-sandbox"] });
  }

  async stop(): Promise<void> {
    await this.#browser?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Opens HTML from disk, as a double click does. */
  async open(html: string, options: BrowserContextOptions = {}): Promise<OpenedPage> {
    this.#files += 1;
    const file = join(this.#folder, `${this.#files}.html`);
    writeFileSync(file, html);
    const url = pathToFileURL(file).href;
    return this.#visit(url, (requested) => requested === url, options);
  }

  /** Opens a page of a server, which may send requests to this server alone. */
  visit(url: string, options: BrowserContextOptions = {}): Promise<OpenedPage> {
    const { origin } = new URL(url);
    return this.#visit(
      url,
      (requested) => requested.startsWith(`${origin}/`) || requested.startsWith("data:"),
      options,
    );
  }

  async #visit(url: string, isAllowed: (url: string) => boolean, options: BrowserContextOptions): Promise<OpenedPage> {
    if (!this.#browser) throw new Error("The browser has not started");
    const page = await (await this.#browser.newContext(options)).newPage();
    const problems: string[] = [];
    page.on("console", (message) => message.type() === "error" && problems.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
    page.on("dialog", (dialog) => {
      problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("request", (request) => isAllowed(request.url()) || problems.push(`request: ${request.url()}`));
    await page.goto(url);
    return { page, problems };
  }

  async closePages(): Promise<void> {
    await Promise.all(this.#browser?.contexts().map((context) => context.close()) ?? []);
  }
}
