import type { ComparedRun, Comparison, ImageChanges, Pair, SomeImages } from "../../lambdas/contract/comparison.ts";
import type { Plan } from "../../lambdas/contract/plan.ts";
import type { Report } from "../execution/run-report.ts";

/** The most examples in a list: two runs of 67,692 images may have no image in common. */
const exampleCount = 20;

/** A selected image by its path below the image tree. */
export type Selection = ReadonlyMap<string, { readonly label: string; readonly etag: string | null }>;

/** Everything about a run that is compared. */
export interface RunFacts {
  readonly report: Report;
  readonly startedAt: Date;
  /** Undefined if Preflight has refused the run. */
  readonly plan: Plan | undefined;
  readonly variance: { readonly ratios: readonly number[]; readonly cumulative: readonly number[] } | null;
  /** Null if it could not be read. */
  readonly selection: Selection | null;
  /** Names the reason why a part is null. */
  readonly missing: readonly string[];
}

/** Compares the second run with the first. */
export function compareRuns(facts: Pair<RunFacts>, onAws: boolean): Comparison {
  const [before, after] = facts;
  const selections = before.selection && after.selection ? ([before.selection, after.selection] as const) : null;
  const runs: Pair<ComparedRun> = [comparedRun(before), comparedRun(after)];
  return {
    runs,
    onAws,
    parameters: compareParameters([before.plan, after.plan]),
    variance: compareVariance(facts),
    states: compareStates(runs),
    labels: selections ? compareLabels(selections) : [],
    images: selections && compareImages(selections),
    missing: [...before.missing, ...after.missing],
  };
}

function comparedRun({ report, startedAt }: RunFacts): ComparedRun {
  const { runId, status, seconds, images, labels, errors, computed, reused, components, variance } = report;
  const { cost, quotedUsd, states } = report;
  return {
    runId,
    status,
    startedAt: startedAt.toISOString(),
    seconds,
    images,
    labels,
    errors,
    computed,
    reused,
    components,
    variance,
    usd: cost?.actualUsd ?? null,
    quotedUsd,
    states: states.map(({ name, seconds: time }) => ({ name, seconds: time })),
  };
}

/** The choices of a person, of the deployment and of Preflight that may make the results or the cost differ. */
function parametersOf(plan: Plan): Readonly<Record<string, unknown>> {
  const {
    mode,
    label,
    input,
    splits,
    usedSplits,
    limit,
    pca,
    formats,
    reusedFeatures,
    force,
    quality,
    maxMegapixels,
    exifRotation,
    jpegDraft,
    precision,
    model,
  } = plan;
  const { cluster, borrowed, features, keepMinutes, tree } = plan;
  return {
    mode,
    label,
    "image tree": input,
    layout: tree,
    splits: splits ?? usedSplits,
    limit,
    pca,
    formats,
    "reused features": reusedFeatures,
    force,
    quality,
    maxMegapixels,
    exifRotation,
    jpegDraft,
    precision,
    weights: model.weights,
    "model sha256": model.sha256,
    "features of": features,
    keepMinutes,
    "reused cluster": borrowed?.clusterId ?? null,
    "EMR release": cluster.releaseLabel,
    "primary node": cluster.primaryType,
    "core node": cluster.coreType,
    "core nodes": cluster.coreCount,
    market: cluster.market,
  };
}

function compareParameters([before, after]: Pair<Plan | undefined>): Comparison["parameters"] {
  const [one, other] = [before && parametersOf(before), after && parametersOf(after)];
  return Object.keys(one ?? other ?? {})
    .map((name) => ({ name, values: [textOf(one, name), textOf(other, name)] as const }))
    .filter(({ values: [first, second] }) => first !== second);
}

function textOf(parameters: Readonly<Record<string, unknown>> | undefined, name: string): string | null {
  if (!parameters) return null;
  const value = parameters[name];
  return typeof value === "string" ? value : JSON.stringify(value);
}

function compareVariance([before, after]: Pair<RunFacts>): Comparison["variance"] {
  const most = Math.max(before.variance?.ratios.length ?? 0, after.variance?.ratios.length ?? 0);
  return Array.from({ length: most }, (_, index) => ({
    component: index + 1,
    explained: [before.variance?.ratios[index] ?? null, after.variance?.ratios[index] ?? null],
    cumulative: [before.variance?.cumulative[index] ?? null, after.variance?.cumulative[index] ?? null],
  }));
}

/** A state that was entered twice, after a redrive, counts with the sum of its times. */
function compareStates(runs: Pair<ComparedRun>): Comparison["states"] {
  const [before, after] = runs.map(({ states }) => {
    const times = new Map<string, number>();
    for (const { name, seconds } of states) times.set(name, (times.get(name) ?? 0) + seconds);
    return times;
  });
  const names = [...new Set(runs.flatMap(({ states }) => states.map(({ name }) => name)))];
  return names.map((name) => ({ name, seconds: [before?.get(name) ?? null, after?.get(name) ?? null] }));
}

function countLabels(selection: Selection): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { label } of selection.values()) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

function compareLabels([before, after]: Pair<Selection>): Comparison["labels"] {
  const [one, other] = [countLabels(before), countLabels(after)];
  const difference = ([first, second]: Pair<number>): number => Math.abs(first - second);
  return [...new Set([...one.keys(), ...other.keys()])]
    .map((label) => ({ label, images: [one.get(label) ?? 0, other.get(label) ?? 0] as const }))
    .filter(({ images }) => difference(images) > 0)
    .sort((a, b) => difference(b.images) - difference(a.images) || (a.label < b.label ? -1 : 1));
}

/** An etag that is not known counts as the same. */
function compareImages([before, after]: Pair<Selection>): ImageChanges {
  const isChanged = (path: string): boolean => {
    const [first, second] = [before.get(path)?.etag, after.get(path)?.etag];
    return typeof first === "string" && typeof second === "string" && first !== second;
  };
  const common = [...before.keys()].filter((path) => after.has(path));
  const changed = common.filter(isChanged);
  return {
    added: someOf([...after.keys()].filter((path) => !before.has(path))),
    removed: someOf([...before.keys()].filter((path) => !after.has(path))),
    changed: someOf(changed),
    unchanged: common.length - changed.length,
  };
}

function someOf(paths: readonly string[]): SomeImages {
  return { count: paths.length, examples: paths.toSorted().slice(0, exampleCount) };
}
