import type { ReportData } from "../../lambdas/contract/report-data.ts";
import { formatCount, plural } from "./numbers.ts";

export interface Verdict {
  readonly tone: "good" | "warn" | "bad";
  /** Whether to trust the run, in one sentence. */
  readonly sentence: string;
}

function join(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

const weightsOf = {
  imagenet: "the weights are ImageNet's",
  file: "the weights are from a file of your own",
  seeded: "",
};

/** Says what ran and whether its results can be trusted, from the checks, the weights and the errors. */
export function verdictOf({ validation, checks, model }: ReportData): Verdict {
  const { images, labels, errors } = validation;
  const what = `${plural(images, "image")} of ${plural(labels, "label")}`;
  const failed = checks.filter(({ ok }) => !ok).length;
  const failures = errors === 0 ? "no image failed" : `${plural(errors, "image")} failed`;
  if (failed > 0) {
    const sentence = `Do not trust this run of ${what}: ${formatCount(failed)} of ${plural(checks.length, "check")} failed.`;
    return { tone: "bad", sentence };
  }
  const passed = checks.length > 0 ? `all ${plural(checks.length, "check")} passed` : "its checks are not known";
  if (model.weights === "seeded") {
    const sentence = `The features of these ${what} mean nothing, because the model's weights are random; ${join([passed, failures])}.`;
    return { tone: "warn", sentence };
  }
  const weights = model.name === null ? [] : [weightsOf[model.weights]];
  const reasons = join([passed, failures, ...weights]);
  if (checks.length === 0) return { tone: "warn", sentence: `This run has ${what}: ${reasons}.` };
  return { tone: "good", sentence: `You can trust this run of ${what}: ${reasons}.` };
}
