import type { HistoryEvent } from "@aws-sdk/client-sfn";
import { z } from "zod";
import { isEmbedded } from "../contract/arns.ts";
import type { Cost } from "../contract/cost.ts";
import type { Execution } from "../contract/execution.ts";
import { explainedVarianceSchema, type FeaturesSummary, jobCheckSchema } from "../contract/job-reports.ts";
import type { Plan } from "../contract/plan.ts";
import type { MissingPart, ReportData } from "../contract/report-data.ts";
import type { ReportFigures } from "../contract/report-figures.ts";
import type { Validation } from "../contract/validation.ts";
import { clusterSpans, stateSpans, type UsedCluster } from "./timeline.ts";

/** The part of manifest.json that is in the report. */
export const reportedManifestSchema = z.looseObject({ checks: z.array(jobCheckSchema) });

/** The part of model_info.json that is in the report. */
export const reportedModelSchema = explainedVarianceSchema.extend({ model: z.looseObject({ name: z.string() }) });

/** A part that was read, or the reason why the report does not have it. */
export type Part<T> = { readonly value: T } | { readonly reason: string };

export interface ReportSources {
  readonly manifest: Part<z.output<typeof reportedManifestSchema>>;
  readonly modelInfo: Part<z.output<typeof reportedModelSchema>>;
  readonly features: Part<Pick<FeaturesSummary, "reasons" | "examples">>;
  readonly figures: Part<ReportFigures>;
  readonly history: Part<readonly HistoryEvent[]>;
  readonly cluster: Part<UsedCluster>;
  readonly cost: Part<Cost>;
}

export interface ReportedRun {
  readonly plan: Plan;
  readonly validation: Validation;
  readonly input: Readonly<Record<string, unknown>>;
  readonly cluster: { readonly id: string };
  readonly execution: Execution;
}

/** Makes the data of a run's page from everything that could be read. */
export function assembleReport(
  { plan, validation, input, cluster, execution }: ReportedRun,
  sources: ReportSources,
  now: Date,
): ReportData {
  const missing: MissingPart[] = [];
  const take = <T>(part: MissingPart["part"], source: Part<T>): T | null => {
    if ("value" in source) return source.value;
    missing.push({ part, reason: source.reason });
    return null;
  };
  const manifest = take("checks", sources.manifest);
  const modelInfo = take("variance", sources.modelInfo);
  const features = take("errors", sources.features);
  const figures = take("figures", sources.figures);
  const history = take("timeline", sources.history);
  const used = take("timeline", sources.cluster);
  const cost = take("cost", sources.cost);
  const startedAt = new Date(execution.startTime);
  const { minutes, usd } = plan.estimate;
  return {
    run: {
      id: plan.runId,
      executionArn: execution.id,
      mode: plan.mode,
      results: plan.run,
      input: { ...input },
      startedAt: startedAt.toISOString(),
      writtenAt: now.toISOString(),
      onAws: !isEmbedded(execution.id),
    },
    model: {
      name: modelInfo?.model.name ?? null,
      weights: plan.model.weights,
      sha256: plan.model.sha256,
      precision: plan.precision,
    },
    validation,
    checks: manifest?.checks ?? [],
    variance: modelInfo && { ratios: modelInfo.variance_by_component, cumulative: modelInfo.cumulative_variance },
    errors: features ? errorsOf(features) : [],
    quote: { minutes, usd },
    cost,
    cluster: cluster.id,
    timeline: [...(history ? stateSpans(history) : []), ...(used ? clusterSpans(used, startedAt, now) : [])],
    figures,
    missing,
  };
}

function errorsOf({ reasons, examples }: Pick<FeaturesSummary, "reasons" | "examples">): ReportData["errors"] {
  return Object.entries(reasons).map(([reason, images]) => ({ reason, images, examples: examples[reason] ?? [] }));
}
