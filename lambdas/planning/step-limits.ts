import { plural } from "../../shared/formatting.ts";
import type { ClusterPlan } from "../contract/cluster-plan.ts";
import type { JobStep } from "../contract/job-steps.ts";
import { mostSeconds, type StepLimit, type StepLimits } from "../contract/step-limits.ts";
import { usdPerHour } from "./hourly-price.ts";
import type { Quote } from "./quote.ts";

/** The rates of the quote are not measured on EMR, so a step may take this many times its quote. */
const timesQuote = 4;

/** Time for the containers to start and for EMR to retry a task, however few images there are. */
const leastSeconds = 1_800;

/**
 * Seconds of a step that maxCostUsd pays for, besides the quoted other parts of the run. A run is refused if its quote
 * exceeds maxCostUsd, so a step always gets its own quote.
 */
function affordableSeconds(minutes: number, { quote, cluster, maxCostUsd }: LimitRequest): number {
  const hourly = usdPerHour({ ...cluster, coreCount: cluster.maxCoreCount });
  const paidMinutes = ((maxCostUsd - quote.s3Usd) / hourly) * 60;
  return 60 * Math.max(minutes, paidMinutes - (quote.minutes - minutes));
}

interface LimitRequest {
  readonly quote: Quote;
  readonly cluster: ClusterPlan;
  readonly maxCostUsd: number;
}

function limitOf(step: JobStep, request: LimitRequest): StepLimit {
  const minutes = request.quote.stepMinutes[step];
  const quoted = timesQuote * minutes * 60;
  const wanted = Math.min(Math.max(quoted, leastSeconds), mostSeconds[step]);
  const affordable = affordableSeconds(minutes, request);
  if (affordable < wanted) return { seconds: Math.max(1, Math.ceil(affordable)), bound: "maxCostUsd" };
  return { seconds: Math.ceil(wanted), bound: wanted === quoted ? "quote" : quoted < wanted ? "least" : "most" };
}

/**
 * Limits each step to four times its quote, between 30 minutes and `mostSeconds`. A step never gets more than maxCostUsd pays
 * for with as many nodes as managed scaling may add. A hung step then costs a small multiple of its quote, and not a
 * cluster for a day.
 */
export function stepLimits(request: LimitRequest): StepLimits {
  return {
    inventory: limitOf("inventory", request),
    features: limitOf("features", request),
    reduction: limitOf("reduction", request),
  };
}

const reasons: Readonly<Record<StepLimit["bound"], string>> = {
  quote: "four times what the quote says for it",
  least: "the least that a step gets",
  most: "the most that this step gets",
  maxCostUsd: "which is all that maxCostUsd pays for",
};

/** The limit and its reason, to follow "within". */
export function describeLimit({ seconds, bound }: StepLimit): string {
  const minutes = Math.round(seconds / 6) / 10;
  return `its time limit of ${plural(minutes, "minute")}, ${reasons[bound]}`;
}
