import { GetObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClients } from "../../../cli/account/aws-clients.ts";
import { chromium } from "../../chromium.ts";
import { type EmbeddedAccount, startEmbeddedAccount } from "../../cli/account/started-account.ts";
import { isDeep } from "../../deep.ts";
import { TestBrowser } from "../browser.ts";

const runMs = 300_000;
const browser = new TestBrowser();
let account: EmbeddedAccount;

describe.runIf(isDeep && chromium !== undefined)("the console during a whole run", { timeout: 2 * runMs }, () => {
  beforeAll(async () => {
    await browser.start();
    account = await startEmbeddedAccount();
  }, runMs);

  afterAll(async () => {
    await browser.stop();
    await account.stop();
  });

  it("shows each step live, and the numbers of the run's files", async () => {
    const { page, problems } = await browser.visit(account.console);
    await page.getByRole("link", { name: "Start execution" }).click();
    await page.getByLabel("limit").fill("20");
    await page.getByText("pca", { exact: true }).click();
    await page.getByLabel("components").fill("2");
    await page.getByRole("button", { name: "Start execution" }).click();

    for (const step of ["Inventory", "ExtractFeatures", "ReduceDimensions"]) {
      await page.locator(`g.state.in-progress[aria-label^="${step} "]`).waitFor({ timeout: runMs });
    }
    await page.locator(".title .status", { hasText: "Succeeded" }).waitFor({ timeout: runMs });

    await page.getByRole("tab", { name: "Cluster" }).click();
    const steps = await page.locator(".cluster tbody tr").allInnerTexts();
    expect(steps.map((row) => row.split(/\s+/).slice(0, 2))).toEqual([
      ["Inventory", "Completed"],
      ["ExtractFeatures", "Completed"],
      ["ReduceDimensions", "Completed"],
    ]);
    const runId = await page.getByRole("heading", { level: 1 }).innerText();
    const { images, labels } = await readCounts(runId);
    await page.getByRole("tab", { name: "Mails" }).click();
    const mail = page.locator(".mails pre");
    expect(await mail.innerText()).toContain(`Images:    ${images} of ${labels} labels`);
    const [report] = await Promise.all([
      page.context().waitForEvent("page"),
      page.getByRole("link", { name: "Open report" }).click(),
    ]);
    report.on("pageerror", (error) => expect.unreachable(error.message));
    await report.getByRole("heading", { level: 1, name: new RegExp(`${images} images`) }).waitFor();
    expect(problems).toEqual([]);
  });
});

/** The numbers of images and labels in the run's manifest. */
async function readCounts(runId: string): Promise<{ readonly images: number; readonly labels: number }> {
  const { s3 } = createClients(account.env);
  const command = new GetObjectCommand({ Bucket: account.bucket, Key: `runs/${runId}/manifest.json` });
  const { Body: body } = await s3.send(command);
  return JSON.parse((await body?.transformToString()) ?? "{}").plan.counts;
}
