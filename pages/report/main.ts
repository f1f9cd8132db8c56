import type { ReportData } from "../../lambdas/contract/report-data.ts";
import { byId, element } from "../shared/elements.ts";
import { unpackJson } from "../shared/packed.ts";
import { setTheme } from "../shared/theme.ts";
import { installTips } from "../shared/tip.ts";
import { copiesSection } from "./copies.ts";
import { costSection, errorsSection, parametersSection, storeSection } from "./cost.ts";
import { labelsSection } from "./labels.ts";
import { meaningSection } from "./meaning.ts";
import { Explorer } from "./scatter/explorer.ts";
import { scatterSection } from "./scatter/section.ts";
import { summary } from "./summary.ts";
import { timelineSection } from "./timeline.ts";
import { varianceSection } from "./variance.ts";

function navigation(sections: readonly HTMLElement[]): HTMLElement {
  const links = sections.map((each) =>
    element("li", {}, element("a", { href: `#${each.id}` }, each.querySelector("h2")?.textContent ?? "")),
  );
  return element("nav", { "aria-label": "Sections" }, element("ul", {}, ...links));
}

function show(data: ReportData): void {
  document.title = `${data.run.id} – Orchard report`;
  const { figures } = data;
  const explorer = figures && figures.components.length > 0 ? new Explorer(figures) : undefined;
  const sections = [
    scatterSection(data, explorer),
    meaningSection(data),
    varianceSection(data),
    labelsSection(data),
    copiesSection(data, (path) => explorer?.linkTo(path)),
    timelineSection(data),
    costSection(data),
    storeSection(data),
    errorsSection(data),
    parametersSection(data),
  ].filter((each) => each !== null);
  byId("page").append(summary(data), navigation(sections), element("main", {}, ...sections));
  installTips();
}

/** Switches a page to light colours while it is printed, because paper is light. The checks are printed, too. */
function printLight(): void {
  let chosen: string | undefined;
  addEventListener("beforeprint", () => {
    chosen = document.documentElement.dataset["theme"];
    setTheme("light");
    for (const details of document.querySelectorAll<HTMLDetailsElement>("details.checks")) details.open = true;
  });
  addEventListener("afterprint", () => setTheme(chosen === "light" || chosen === "dark" ? chosen : undefined));
}

printLight();
try {
  show(await unpackJson<ReportData>(byId("data").textContent.trim()));
} catch (error) {
  const advice =
    "Open it in a current version of Chrome, Edge, Firefox or Safari. The same figures are in the run's report/figures.json and manifest.json.";
  byId("page").append(
    element("p", { class: "notice bad" }, `This report could not be drawn: ${String(error)}. ${advice}`),
  );
  throw error;
}
