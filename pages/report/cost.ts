import type { ReportData } from "../../lambdas/contract/report-data.ts";
import { formatCount } from "../../shared/formatting.ts";
import type { Table } from "../shared/csv.ts";
import { element, name } from "../shared/elements.ts";
import { csvLine, dataTable, lead, section } from "../shared/figure.ts";
import { formatShare } from "../shared/numbers.ts";

function costTable({ cost, quote, run }: ReportData): Table {
  const quoted = quote ?? (cost ? { minutes: cost.minutes.quoted, usd: cost.quotedUsd } : null);
  return {
    name: "cost",
    columns: ["cost", "USD", "minutes of the cluster"],
    rows: [
      ...(quoted ? [["Quoted", quoted.usd, quoted.minutes] as const] : []),
      ...(cost && run.onAws ? [[cost.isFinal ? "True" : "So far", cost.actualUsd, cost.minutes.actual] as const] : []),
    ],
  };
}

/** The quote beside the true cost; on the embedded account, what AWS would have cost. */
export function costSection(data: ReportData): HTMLElement {
  const { cost, run, missing } = data;
  const title = run.onAws ? "Cost" : "What AWS would have cost";
  const table = costTable(data);
  const reason = missing.find(({ part }) => part === "cost")?.reason;
  if (table.rows.length === 0)
    return section("cost", title, lead(reason ?? "The run created no cluster, so it cost nothing of note."));
  const error = cost && run.onAws ? cost.forecastErrorPercent : null;
  const comparison =
    error === null
      ? ""
      : `The true cost was ${formatShare(Math.abs(error) / 100)} ${error > 0 ? "above" : "below"} the quote. `;
  const sentence = run.onAws
    ? `${comparison}Cluster time is billed from its creation to its end.`
    : "The run cost nothing: it ran on the embedded account. The quote is what the same run costs on AWS.";
  return section(
    "cost",
    title,
    lead(sentence),
    reason ? lead(reason) : null,
    dataTable(table, title),
    cost && run.onAws ? element("p", { class: "soft small arithmetic" }, name(cost.arithmetic)) : null,
    csvLine(table, title),
  );
}

/** Shows the number of images that had features in the store, and of those that were computed. */
export function storeSection({ validation: { computed, reused } }: ReportData): HTMLElement | null {
  if (computed === null || reused === null) return null;
  const total = computed + reused;
  const share = total === 0 ? 0 : reused / total;
  const stored = element("span", { class: "fill" });
  stored.style.width = `${100 * share}%`;
  const table = {
    name: "features",
    columns: ["features", "images"],
    rows: [
      ["computed", computed],
      ["from the store", reused],
    ],
  };
  return section(
    "store",
    "Stored and computed features",
    lead(
      `${formatCount(reused)} images had features in the store (${formatShare(share)}, green); ${formatCount(computed)} were computed (blue).`,
    ),
    element("div", { class: "split", "aria-hidden": "true" }, stored),
    csvLine(table, "Stored and computed features"),
  );
}

/** Images without features, by reason. */
export function errorsSection({ errors, validation, missing }: ReportData): HTMLElement {
  const title = "Errors";
  const reason = missing.find(({ part }) => part === "errors")?.reason;
  if (errors.length === 0) {
    const none = validation.errors === 0 ? "Every image was read." : "The run has no list of its errors.";
    return section("errors", title, lead(reason ?? none));
  }
  const table: Table = {
    name: "errors",
    columns: ["reason", "images", "examples"],
    rows: errors.map((error) => [error.reason, error.images, error.examples.join("\n")]),
  };
  return section(
    "errors",
    title,
    lead(`${formatCount(validation.errors)} images (${formatShare(validation.errorRate, 2)}) have no features.`),
    dataTable(table, title),
    csvLine(table, title),
  );
}

/** Lists the parameters with which the same run can be started again. */
export function parametersSection({ run, model, cluster }: ReportData): HTMLElement {
  const rows: readonly (readonly [string, string])[] = [
    ["Execution", run.executionArn],
    ["Results", run.results],
    ["Cluster", cluster ?? "none"],
    ["Model", model.name === null ? "none" : `${model.name}, ${model.weights} weights`],
    ["SHA-256 of the model", model.sha256],
    ["Written", run.writtenAt],
  ];
  return section(
    "parameters",
    "Parameters",
    element(
      "dl",
      { class: "rows" },
      ...rows.map(([term, value]) =>
        element("div", {}, element("dt", {}, term), element("dd", {}, element("code", {}, name(value)))),
      ),
    ),
    element("h3", {}, "Execution input"),
    element(
      "pre",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "Execution input" },
      JSON.stringify(run.input, null, 2),
    ),
  );
}
