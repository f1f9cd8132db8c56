import type { ReportData } from "../../lambdas/contract/report-data.ts";
import { byId, element } from "../shared/elements.ts";
import { setTheme } from "../shared/theme.ts";
import { copiesSection } from "./copies.ts";
import { costSection, errorsSection, parametersSection, storeSection } from "./cost.ts";
import { labelsSection } from "./labels.ts";
import { meaningSection } from "./meaning.ts";
import { scatterSection } from "./scatter/section.ts";
import { summary } from "./summary.ts";
import { timelineSection } from "./timeline.ts";
import { installTips } from "./tip.ts";
import { unpackData } from "./unpack.ts";
import { varianceSection } from "./variance.ts";

function navigation(sections: readonly HTMLElement[]): HTMLElement {
  const links = sections.map((each) =>
    element("li", {}, element("a", { href: `#${each.id}` }, each.querySelector("h2")?.textContent ?? "")),
  );
  return element("nav", { "aria-label": "Sections" }, element("ul", {}, ...links));
}

function show(data: ReportData): void {
  document.title = `${data.run.id} – Orchard report`;
  const sections = [
    scatterSection(data),
    meaningSection(data),
    varianceSection(data),
    labelsSection(data),
    copiesSection(data),
    timelineSection(data),
    costSection(data),
    storeSection(data),
    errorsSection(data),
    parametersSection(data),
  ].filter((each) => each !== null);
  byId("page").append(summary(data), navigation(sections), element("main", {}, ...sections));
  installTips();
}

/** Paper is light: a page that is printed in dark colours gets the light ones until it is printed. */
function printLight(): void {
  let chosen: string | undefined;
  addEventListener("beforeprint", () => {
    chosen = document.documentElement.dataset["theme"];
    setTheme("light");
  });
  addEventListener("afterprint", () => setTheme(chosen === "light" || chosen === "dark" ? chosen : undefined));
}

printLight();
show(await unpackData(byId("data").textContent.trim()));
