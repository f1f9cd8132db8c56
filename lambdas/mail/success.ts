import { formatCount, percent, plural } from "../../shared/formatting.ts";
import type { KeptCluster } from "../contract/cluster-plan.ts";
import type { Execution } from "../contract/execution.ts";
import { describeSplits } from "../contract/image-tree.ts";
import { featuresRunOf } from "../contract/s3-layout.ts";
import { seededWarning } from "../contract/seeded-weights.ts";
import type { PartialState } from "../contract/state-data.ts";
import type { Validation } from "../contract/validation.ts";
import { clusterIdsOf, consoleLinks, costLines, isSeeded, messageOf, startCommand, subjectLine } from "./formatting.ts";
import { findKeptCluster, inputForKeptCluster, keptLines } from "./kept.ts";
import { reportLines } from "./report-link.ts";
import type { Mail } from "./sending.ts";

/** The folder that lists the images with errors: it lies next to the features, which may be an earlier run's. */
function errorsFolder(plan: PartialState["plan"], results: string): string {
  return `${plan?.features ? featuresRunOf(plan) : results}errors/`;
}

function validationLines({ plan }: PartialState, validation: Validation): readonly string[] {
  const { images, labels, errors, errorRate, computed, reused, components, variance, results } = validation;
  const splits = plan && describeSplits(plan.usedSplits, plan.unusedSplits);
  return [
    `Images:    ${formatCount(images)} of ${plural(labels, "label")}`,
    ...(splits === undefined ? [] : [`Splits:    ${splits}`]),
    `Errors:    ${formatCount(errors)} (${percent(errorRate, 2)})${errors > 0 ? `, see ${errorsFolder(plan, results)}` : ""}`,
    ...(computed === null || plan?.reuse
      ? []
      : [`Features:  ${formatCount(computed)} computed, ${formatCount(reused ?? 0)} reused`]),
    ...(plan === undefined || plan.precision === "float32" ? [] : [`Precision: ${plan.precision}`]),
    ...(variance === null || components === null
      ? []
      : [`Variance:  ${percent(variance, 2)} kept by ${plural(components, "component")}`]),
  ];
}

function clusterLine({ cluster }: PartialState, kept: KeptCluster | undefined): string {
  if (kept) return `Cluster:   ${kept.clusterId}, kept`;
  return `Cluster:   ${cluster ? "terminated" : "none was created"}`;
}

function successSubject(state: PartialState, { name }: Execution, validation: Validation | undefined): string {
  const variance = validation?.variance ?? null;
  const results = validation
    ? `: ${state.plan?.reuse ? "nothing new, " : ""}${plural(validation.images, "image")}${variance === null ? "" : `, ${percent(variance)} variance kept`}`
    : "";
  return subjectLine(`Orchard: ${name} succeeded${results}${isSeeded(state) ? " (SEEDED WEIGHTS)" : ""}`);
}

/**
 * Writes the mail about a successful run. A cluster that still costs money comes first.
 *
 * @param link opens the run's page without a login; null: there is none
 */
export function successMail(state: PartialState, execution: Execution, now: Date, link: string | null = null): Mail {
  const { plan } = state;
  const validation = state.validation ?? plan?.reuse?.validation;
  const minutes = (now.getTime() - Date.parse(execution.startTime)) / 60_000;
  const warnings = [...new Set([...(plan?.warnings ?? []), ...(validation?.warnings ?? [])])].filter(
    (warning) => warning !== seededWarning,
  );
  const kept = findKeptCluster(state, now);
  const lines = [
    `Run ${execution.name} (${plan?.mode ?? "?"}) succeeded.`,
    ...(kept
      ? ["", ...keptLines(kept, startCommand(inputForKeptCluster(state, kept.clusterId), execution.id), execution.id)]
      : []),
    ...(isSeeded(state) ? ["", seededWarning] : []),
    ...(plan?.reuse
      ? ["", "Nothing is new: no cluster was created, and these are the results of an earlier run."]
      : []),
    "",
    ...(validation ? validationLines(state, validation) : []),
    `Time:      ${minutes.toFixed(1)} minutes`,
    ...costLines(state, execution.id),
    `Results:   ${validation?.results ?? plan?.run ?? "?"}`,
    ...reportLines(state, execution.id, link),
    clusterLine(state, kept),
    ...(warnings.length > 0 ? ["", "Warnings:", ...warnings.map((warning) => `- ${warning}`)] : []),
    "",
    ...consoleLinks(execution.id, clusterIdsOf(state)),
  ];
  return { subject: successSubject(state, execution, validation), message: messageOf(lines) };
}
