import type { Comparison } from "../../lambdas/contract/comparison.ts";
import { byId, element, name } from "../shared/elements.ts";
import { unpackJson } from "../shared/packed.ts";
import { themeButton } from "../shared/theme.ts";
import { imagesSection, parametersSection, runsSection } from "./tables.ts";
import { varianceSection } from "./variance.ts";

function header({ runs: [before, after], missing }: Comparison): HTMLElement {
  const notes = missing.map((reason) => element("p", { class: "notice warn" }, name(reason)));
  return element(
    "header",
    { id: "summary" },
    element("div", { class: "bar-top" }, element("span", { class: "brand" }, "Orchard"), themeButton()),
    element("h1", {}, name(after.runId), " compared with ", name(before.runId)),
    ...notes,
  );
}

const comparison = await unpackJson<Comparison>(byId("data").textContent.trim());
const [before, after] = comparison.runs;
document.title = `${before.runId} and ${after.runId} – Orchard comparison`;
const sections = [
  runsSection(comparison),
  parametersSection(comparison),
  varianceSection(comparison),
  imagesSection(comparison),
].filter((each) => each !== null);
byId("page").append(header(comparison), element("main", {}, ...sections));
