import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** Returns all violations that axe finds. */
export async function findViolations(page: Page): Promise<readonly Violation[]> {
  await page.evaluate(axeSource);
  return (await page.evaluate(() => Reflect.get(window, "axe").run())).violations;
}

/** Lists the violations that axe calls serious or critical, with the elements. */
export async function seriousViolations(page: Page): Promise<readonly string[]> {
  return (await findViolations(page))
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}
