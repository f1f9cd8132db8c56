import type { ReportData } from "../../lambdas/contract/report-data.ts";
import { formatCount, plural } from "../../shared/formatting.ts";
import { element, name } from "../shared/elements.ts";
import { figure, lead, section } from "../shared/figure.ts";

const shownAtFirst = 20;

function bar(label: string, images: number, most: number): HTMLElement {
  const fill = element("span", { class: "fill" });
  fill.style.width = `${(100 * images) / most}%`;
  return element(
    "li",
    {},
    element("span", { class: "bar-name" }, name(label)),
    element("span", { class: "bar-track", "aria-hidden": "true" }, fill),
    element("span", { class: "bar-count" }, formatCount(images)),
  );
}

/** The labels by their numbers of images. */
export function labelsSection({ figures, validation }: ReportData): HTMLElement | null {
  if (!figures) return null;
  const labels = figures.labels.toSorted((one, other) => other.images - one.images);
  const counts = labels.map(({ images }) => images);
  const most = counts[0] ?? 1;
  const list = element("ol", { class: "bars" });
  const show = (count: number) =>
    list.replaceChildren(...labels.slice(0, count).map(({ label, images }) => bar(label, images, most)));
  show(shownAtFirst);
  const more = element("button", { type: "button" }, `Show all ${formatCount(labels.length)} labels`);
  more.addEventListener("click", () => {
    show(labels.length);
    more.remove();
  });
  const median = counts[Math.floor(counts.length / 2)] ?? 0;
  const left = validation.labels - labels.length;
  const all = left > 0 ? ` ${plural(left, "rarer label")} are not in this report.` : "";
  return section(
    "labels",
    "Labels",
    lead(
      `${plural(labels.length, "label")} with ${formatCount(counts.at(-1) ?? 0)} to ${plural(most, "image")}, `,
      `${formatCount(median)} in the middle.${all}`,
    ),
    figure({
      label: "Images of each label",
      picture: element("div", {}, list, labels.length > shownAtFirst ? more : null),
      table: () => ({
        name: "labels",
        columns: ["label", "images"],
        rows: labels.map(({ label, images }) => [label, images]),
      }),
    }),
  );
}
