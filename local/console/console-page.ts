import { stop } from "esbuild";
import { buildPage } from "../../infra/pages.ts";

let page: Promise<string> | undefined;

/** Returns the console's HTML. It is bundled at the first call, which takes a fraction of a second, and kept in memory. */
export function consolePage(): Promise<string> {
  page ??= buildPage("console")
    .then(({ html }) => html)
    .finally(stop);
  return page;
}
