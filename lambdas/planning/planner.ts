import type { Architecture } from "../catalog/architectures.ts";
import { instanceType } from "../catalog/instance-types.ts";
import type { ClusterDefaults } from "../contract/cluster-knobs.ts";
import type { ClusterPlan } from "../contract/cluster-plan.ts";
import type { ExecutionInput } from "../contract/input.ts";
import type { Plan } from "../contract/plan.ts";
import { deriveMemory, memoryProblem } from "./executor-memory.ts";
import { keptUsd } from "./kept-plan.ts";
import { effectiveVcpus, type Quote, quote, s3RequestsUsd, type Work } from "./quote.ts";
import { type ClusterShape, clusterPlanOf, workersOf } from "./run-job-flow.ts";

/** Types that are alike but for their maker and age, by size: whichever EC2 has will do. */
const fleets: Readonly<Record<Architecture, readonly (readonly string[])[]>> = {
  x86_64: ["xlarge", "2xlarge"].map((size) => ["m5", "m6i", "m5a"].map((family) => `${family}.${size}`)),
  arm64: ["xlarge", "2xlarge"].map((size) => ["m7g", "m6g"].map((family) => `${family}.${size}`)),
};

export interface PlanRequest {
  readonly runId: string;
  readonly bucket: string;
  readonly work: Work;
  readonly overrides: NonNullable<ExecutionInput["cluster"]>;
  readonly defaults: ClusterDefaults;
  /** Managed scaling gets no more nodes than this pays for, */
  readonly maxCostUsd: number;
  /** for the run and for the time that the cluster is kept after it. */
  readonly keepMinutes: number;
  /** Where the cluster runs: the prices are those of one region. */
  readonly region: string;
}

interface Candidate {
  readonly shape: ClusterShape;
  readonly quote: Quote;
}

function listOf(type: string | undefined): readonly string[] | undefined {
  return type === undefined ? undefined : [type];
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** Every cluster that the configuration and the input's overrides leave to choose from. */
export function candidates({ work, overrides, defaults, region }: PlanRequest): readonly Candidate[] {
  const alike = fleets[defaults.architecture];
  const smallest = alike[0] ?? [];
  const primary = listOf(overrides.primaryType) ?? defaults.primaryTypes;
  const core = listOf(overrides.coreType) ?? defaults.coreTypes;
  const coreCount = overrides.coreCount ?? defaults.coreCount;
  const counts = coreCount === undefined ? range(1, defaults.maxCoreCount) : coreCount > 0 ? [coreCount] : [];
  // Who names the core nodes' type wants some.
  const mayBeOneNode = coreCount === 0 || (coreCount === undefined && core === undefined);
  const shapes = [
    ...(mayBeOneNode ? (primary ? [primary] : alike) : []).map((types) => ({
      primaryTypes: types,
      coreTypes: [],
      coreCount: 0,
      maxCoreCount: 0,
    })),
    ...(core ? [core] : alike).flatMap((coreTypes) =>
      counts.map((count) => ({
        primaryTypes: primary ?? smallest,
        coreTypes,
        coreCount: count,
        maxCoreCount: Math.max(count, defaults.maxCoreCount),
      })),
    ),
  ];
  return shapes.map((nodes) => {
    const shape: ClusterShape = {
      ...nodes,
      market: overrides.market ?? defaults.market,
      ebsGiB: overrides.ebsGiB ?? defaults.ebsGiB,
      ...deriveMemory(workersOf(nodes).types, {
        executorMemory: overrides.executorMemory ?? defaults.executorMemory,
        executorMemoryOverhead: overrides.executorMemoryOverhead ?? defaults.executorMemoryOverhead,
        driverMemory: defaults.driverMemory,
        driverMemoryOverhead: defaults.driverMemoryOverhead,
      }),
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
 * The cheapest candidate that is expected to be done by the deadline; when none is, the cheapest of the strongest. As
 * the strongest is the last to miss the deadline, more images are never quoted less.
 */
function choose(all: readonly Candidate[], deadlineMinutes: number): Candidate {
  const inTime = cheapest(all.filter((one) => one.quote.minutes <= deadlineMinutes));
  const most = Math.max(...all.map(({ shape }) => effectiveVcpus(shape)));
  const chosen = inTime ?? cheapest(all.filter(({ shape }) => effectiveVcpus(shape) === most));
  if (chosen === undefined) throw new Error("There is no cluster to choose from");
  return chosen;
}

/**
 * The most core nodes that managed scaling may go to: no more than the ceiling pays for during all of the planned time.
 * Else the nodes that might come would shorten the time that the ceiling pays for (maxHours) to less than the run needs.
 */
function affordableNodes(
  { shape, quote: { minutes } }: Candidate,
  { work, maxCostUsd, keepMinutes }: PlanRequest,
  plan: ClusterPlan,
): number {
  const forNodesUsd = maxCostUsd - s3RequestsUsd(work.images, work.newImages);
  const larger = range(shape.coreCount, shape.maxCoreCount).filter(
    (coreCount) => keptUsd(plan, minutes + keepMinutes, coreCount) <= forNodesUsd,
  );
  return Math.max(shape.coreCount, ...larger);
}

export interface PlannedCluster {
  readonly cluster: ClusterPlan;
  readonly estimate: Plan["estimate"];
  /** What makes the cluster impossible, for the person who set it. */
  readonly problems: readonly string[];
}

/** The cluster for the work, and what it is expected to take and to cost. */
export function planCluster(request: PlanRequest): PlannedCluster {
  const { work, defaults, runId, bucket, region } = request;
  const all = candidates(request);
  const fitting = all.filter(({ shape }) => memoryProblem(workersOf(shape).types, shape) === undefined);
  const chosen = choose(fitting.length > 0 ? fitting : all, defaults.deadlineMinutes);
  const planOf = (shape: ClusterShape): ClusterPlan => clusterPlanOf(runId, shape, defaults, bucket);
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
  return {
    cluster: planOf(shape),
    estimate: {
      minutes: Number(minutes.toFixed(1)),
      usd: Number(usd.toFixed(2)),
      usdAtMost: Number(Math.max(usd, atMost.usd).toFixed(2)),
      arithmetic: [arithmetic, ...notes].join("; "),
    },
    problems: problem === undefined ? [] : [problem],
  };
}

/** The types of a fleet's plan that are not of the stack's architecture, told as a problem. */
export function architectureProblem(key: string, type: string | undefined, wanted: Architecture): string | undefined {
  if (type === undefined || instanceType(type).architecture === wanted) return undefined;
  const other = fleets[wanted].map(([first]) => JSON.stringify(first)).join(" or ");
  return (
    `cluster.${key}: ${type} is ${instanceType(type).architecture}, and the stack's clusters are ${wanted}: the wheels on S3 are ` +
    `built for that. Take ${other}, or deploy with architecture ${instanceType(type).architecture}`
  );
}
