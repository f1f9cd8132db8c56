import type { ReportData } from "../../lambdas/contract/report-data.ts";
import { seededWarning } from "../../lambdas/contract/seeded-weights.ts";
import { describeTime, formatCount, plural } from "../../shared/formatting.ts";
import { element, name } from "../shared/elements.ts";
import { formatShare, formatSpan, formatUsd } from "../shared/numbers.ts";
import { themeButton } from "../shared/theme.ts";
import { isMeaningless, verdictOf } from "./verdict.ts";

type Fact = readonly [term: string, value: string, note?: string];

/** Milliseconds from the first to the last span of the timeline. */
function durationOf({ timeline }: ReportData): number | undefined {
  if (timeline.length === 0) return undefined;
  return Math.max(...timeline.map((span) => span.endedAt)) - Math.min(...timeline.map((span) => span.startedAt));
}

function costFact({ cost, quote, run }: ReportData): Fact | undefined {
  if (!run.onAws) return quote ? ["On AWS it would cost", formatUsd(quote.usd), "by the quote"] : undefined;
  if (!cost) return undefined;
  return [cost.isFinal ? "Cost" : "Cost so far", formatUsd(cost.actualUsd), `quoted ${formatUsd(cost.quotedUsd)}`];
}

function facts(data: ReportData): readonly Fact[] {
  const { images, labels, errors, errorRate, computed, reused, components, variance } = data.validation;
  const duration = durationOf(data);
  const cost = costFact(data);
  return [
    ["Images", formatCount(images), plural(labels, "label")],
    ["Errors", formatCount(errors), formatShare(errorRate, 2)],
    ...(components === null
      ? []
      : [
          [
            "Components",
            formatCount(components),
            variance === null ? "" : `${formatShare(variance)} of the variance`,
          ] as const,
        ]),
    ...(computed === null || reused === null
      ? []
      : [["Computed", formatCount(computed), `${formatCount(reused)} from the store`] as const]),
    ...(data.model.precision === "float32"
      ? []
      : [["Precision", data.model.precision, "of the model's computation"] as const]),
    ...(duration === undefined ? [] : [["Duration", formatSpan(duration)] as const]),
    ...(cost ? [cost] : []),
  ];
}

function checkItem({ name: check, ok, detail }: ReportData["checks"][number]): HTMLElement {
  return element(
    "li",
    { class: ok ? "passed" : "failed" },
    element("span", { class: "check-mark", "aria-hidden": "true" }, ok ? "✓" : "✕"),
    element(
      "span",
      {},
      element("span", { class: "unseen" }, ok ? "Passed: " : "Failed: "),
      element("code", {}, name(check)),
    ),
    element("span", { class: "soft" }, name(detail)),
  );
}

function checks({ checks: all, missing }: ReportData): HTMLElement {
  if (all.length === 0) {
    const reason = missing.find(({ part }) => part === "checks")?.reason ?? "The run has no record of its checks.";
    return element("p", { class: "soft" }, `Checks: ${reason}`);
  }
  const failed = all.filter(({ ok }) => !ok).length;
  const summary =
    failed > 0 ? `${failed} of ${plural(all.length, "check")} failed` : `${plural(all.length, "check")} passed`;
  return element(
    "details",
    { class: "checks", open: failed > 0 },
    element("summary", {}, summary),
    element("ul", { class: "check-list" }, ...all.map(checkItem)),
  );
}

const seeded =
  "The model's weights are random (seeded). Everything below is computed as always, but distances, neighbours and clouds say nothing about what the images show.";

/** The top of the page: what ran, whether to trust it, the most important numbers, and the checks. */
export function summary(data: ReportData): HTMLElement {
  const { run, validation } = data;
  const { tone, badge, sentence } = verdictOf(data);
  // Leave out the warning about random weights, because the notice about them says the same.
  const warnings = validation.warnings.filter((warning) => warning !== seededWarning);
  const buttons = element(
    "div",
    { class: "actions" },
    element("button", { type: "button", class: "quiet", click: () => print() }, "Print"),
    themeButton(),
  );
  const values = facts(data).map(([term, value, note]) =>
    element("div", {}, element("dt", {}, term), element("dd", {}, value, note ? element("small", {}, note) : null)),
  );
  return element(
    "header",
    { id: "summary" },
    element("div", { class: "bar-top" }, element("p", { class: "brand" }, "Orchard"), buttons),
    element(
      "p",
      { class: "soft small" },
      "Run ",
      name(run.id),
      ` · mode ${run.mode} · ${describeTime(run.startedAt)}${run.onAws ? "" : " · embedded account"}`,
    ),
    element("p", { class: `badge ${tone}` }, badge),
    element("h1", {}, sentence),
    isMeaningless(data) ? element("p", { class: "notice warn", id: "seeded" }, seeded) : null,
    ...warnings.map((warning) => element("p", { class: "notice warn" }, name(warning))),
    element("dl", { class: "facts" }, ...values),
    checks(data),
  );
}
