import type { ReportData } from "../../lambdas/contract/report-data.ts";
import { plural } from "../../shared/formatting.ts";

export interface Verdict {
  readonly tone: "good" | "warn" | "bad";
  /** The verdict in two words. */
  readonly badge: string;
  /** Whether to trust the run, in one sentence. */
  readonly sentence: string;
}

function join(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** Whether the features of a run come from random weights and so mean nothing. */
export function isMeaningless({ validation, model }: Pick<ReportData, "validation" | "model">): boolean {
  return validation.computed !== null && model.weights === "seeded";
}

function reasonsToTrust({ validation, checks, model }: ReportData): string {
  const { errors, computed } = validation;
  const origin =
    model.weights === "imagenet" ? "the weights are ImageNet's" : "the weights are from a file of your own";
  return join([
    checks.length > 0 ? `${plural(checks.length, "check")} passed` : "its checks are not known",
    errors === 0 ? "no image failed" : `${plural(errors, "image")} failed`,
    ...(computed === null || model.weights === "seeded" ? [] : [origin]),
  ]);
}

/** Says what ran and whether its results can be trusted, from the checks, the weights and the errors. */
export function verdictOf(data: ReportData): Verdict {
  const { validation, checks } = data;
  const what = `${plural(validation.images, "image")} of ${plural(validation.labels, "label")}`;
  const failed = checks.filter(({ ok }) => !ok).length;
  if (failed > 0) {
    const sentence = `Do not trust this run of ${what}: ${failed} of ${plural(checks.length, "check")} failed.`;
    return { tone: "bad", badge: "Checks failed", sentence };
  }
  const reasons = reasonsToTrust(data);
  if (isMeaningless(data)) {
    const sentence = `The features of these ${what} mean nothing, because the model's weights are random; ${reasons}.`;
    return { tone: "warn", badge: "Random weights", sentence };
  }
  if (checks.length === 0) return { tone: "warn", badge: "Not checked", sentence: `This run has ${what}: ${reasons}.` };
  return { tone: "good", badge: "Checks passed", sentence: `You can trust this run of ${what}: ${reasons}.` };
}
