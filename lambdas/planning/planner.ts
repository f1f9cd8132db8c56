import type { ClusterPlan } from "../contract/cluster-plan.ts";
import type { Plan } from "../contract/plan.ts";
import { listNodes, type NodeChoices, range } from "./candidate-nodes.ts";
import { capacityOf } from "./capacity.ts";
import { type ClusterShape, workersOf } from "./cluster-shape.ts";
import { deriveMemory, memoryProblem } from "./executor-memory.ts";
import { usdForMinutes } from "./hourly-price.ts";
import { estimateOf, type Quote, quote, s3RequestsUsd, type Work } from "./quote.ts";
import { clusterPlanOf } from "./run-job-flow.ts";
import { stepLimits } from "./step-limits.ts";

export interface PlanRequest extends NodeChoices {
  readonly runId: string;
  readonly bucket: string;
  readonly work: Work;
  /** Larger images, in millions of pixels, are not decoded. */
  readonly maxMegapixels: number;
  /** Upper bound for managed scaling: run plus keep time must fit this budget. */
  readonly maxCostUsd: number;
  /** Minutes that the cluster is kept after the run. */
  readonly keepMinutes: number;
  /** Region of the cluster; the quote says so when its prices are another region's. */
  readonly region: string;
}

interface Candidate {
  readonly shape: ClusterShape;
  readonly quote: Quote;
}

/** Lists every cluster that the configuration and the overrides of the execution input allow. */
export function candidates(request: PlanRequest): readonly Candidate[] {
  const { work, maxMegapixels, overrides, defaults, region } = request;
  return listNodes(request, work.precision ?? "float32").map((nodes) => {
    const shape: ClusterShape = {
      ...nodes,
      market: overrides.market ?? defaults.market,
      ebsGiB: overrides.ebsGiB ?? defaults.ebsGiB,
      ...deriveMemory(
        workersOf(nodes).types,
        { maxMegapixels, precision: work.precision },
        {
          executorMemory: overrides.executorMemory ?? defaults.executorMemory,
          executorMemoryOverhead: overrides.executorMemoryOverhead ?? defaults.executorMemoryOverhead,
          driverMemory: defaults.driverMemory,
          driverMemoryOverhead: defaults.driverMemoryOverhead,
        },
      ),
    };
    return { shape, quote: quote(shape, work, region) };
  });
}

function cheapest(of: readonly Candidate[]): Candidate | undefined {
  return of.reduce<Candidate | undefined>(
    (best, one) => (best && best.quote.usd <= one.quote.usd ? best : one),
    undefined,
  );
}

/**
 * Chooses the cheapest candidate that is expected to meet the deadline or, if none is, the cheapest with the most cores.
 * The candidates with the most cores are the last to miss the deadline, so that more images never get a lower quote.
 */
function choose(all: readonly Candidate[], deadlineMinutes: number): Candidate {
  const inTime = cheapest(all.filter((one) => one.quote.minutes <= deadlineMinutes));
  const most = Math.max(...all.map(({ shape }) => capacityOf(shape).cores));
  const chosen = inTime ?? cheapest(all.filter(({ shape }) => capacityOf(shape).cores === most));
  if (chosen === undefined) throw new Error("The configuration and the overrides allow no cluster");
  return chosen;
}

/**
 * Returns the most core nodes that the budget pays for during the whole planned time, as the upper bound for managed
 * scaling. With a higher bound, the sweep could terminate the cluster (maxHours) before the run ends.
 */
function affordableNodes(
  { shape, quote: { minutes } }: Candidate,
  { work, maxCostUsd, keepMinutes }: PlanRequest,
  plan: ClusterPlan,
): number {
  const forNodesUsd = maxCostUsd - s3RequestsUsd(work.images, work.newImages, work.packGroups);
  const larger = range(shape.coreCount, shape.maxCoreCount).filter(
    (coreCount) => usdForMinutes(plan, minutes + keepMinutes, coreCount) <= forNodesUsd,
  );
  return Math.max(shape.coreCount, ...larger);
}

export interface PlannedCluster {
  readonly cluster: ClusterPlan;
  readonly estimate: Plan["estimate"];
  readonly stepLimits: Plan["stepLimits"];
  /** Reasons why the cluster cannot work, phrased for the person who configured it. */
  readonly problems: readonly string[];
}

/** Plans the cluster for the work and estimates its minutes and cost. */
export function planCluster(request: PlanRequest): PlannedCluster {
  const { work, defaults, runId, region } = request;
  const all = candidates(request);
  const fitting = all.filter(({ shape }) => memoryProblem(workersOf(shape).types, shape) === undefined);
  const chosen = choose(fitting.length > 0 ? fitting : all, defaults.deadlineMinutes);
  const planOf = (shape: ClusterShape): ClusterPlan => clusterPlanOf(runId, shape, defaults, request);
  const maxCoreCount = chosen.shape.coreCount === 0 ? 0 : affordableNodes(chosen, request, planOf(chosen.shape));
  const shape = { ...chosen.shape, maxCoreCount };
  const problem = memoryProblem(workersOf(shape).types, shape);
  const { minutes, usd, arithmetic } = chosen.quote;
  const atMost = quote({ ...shape, coreCount: maxCoreCount }, work, region);
  const notes = [
    ...(work.steps.any && maxCoreCount > shape.coreCount
      ? [`managed scaling may go to ${maxCoreCount} core nodes, which makes it ${atMost.usd.toFixed(2)} USD at most`]
      : []),
    ...(work.steps.any && minutes > defaults.deadlineMinutes
      ? [`no cluster of at most ${defaults.maxCoreCount} core nodes is done within ${defaults.deadlineMinutes} min`]
      : []),
  ];
  const cluster = planOf(shape);
  return {
    cluster,
    stepLimits: stepLimits({ quote: chosen.quote, cluster, maxCostUsd: request.maxCostUsd }),
    estimate: {
      ...estimateOf(chosen.quote, Math.max(usd, atMost.usd)),
      arithmetic: [arithmetic, ...notes].join("; "),
    },
    problems: problem === undefined ? [] : [problem],
  };
}
