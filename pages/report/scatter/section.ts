import type { ReportData } from "../../../lambdas/contract/report-data.ts";
import { formatCount, plural } from "../../../shared/formatting.ts";
import { element } from "../../shared/elements.ts";
import { figure, lead, section } from "../../shared/figure.ts";
import { isMeaningless } from "../verdict.ts";
import type { Explorer } from "./explorer.ts";

/** The images in any two of the first principal components. */
export function scatterSection(data: ReportData, explorer: Explorer | undefined): HTMLElement {
  const { figures, missing } = data;
  const title = "Images by principal components";
  if (!figures || !explorer) {
    const reason = missing.find(({ part }) => part === "figures")?.reason ?? "The run has no principal components.";
    return section("images", title, lead(reason));
  }
  const { total, paths } = figures.images;
  const shown =
    paths.length === total
      ? `All ${plural(total, "image")}, coloured by label.`
      : `${formatCount(paths.length)} of the ${plural(total, "image")}, evenly selected over the labels, coloured by label.`;
  const seeded = element("p", { class: "notice warn" }, "Random weights: near does not mean alike.");
  return section(
    "images",
    title,
    isMeaningless(data) ? seeded : null,
    lead(
      `${shown} Drag to move; scroll after a click, or use the buttons, to zoom. Click an image for its nearest ones.`,
    ),
    figure({ label: "Images by principal components", picture: explorer.picture, table: () => explorer.table() }),
    explorer.details,
  );
}
