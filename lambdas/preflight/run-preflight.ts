import { colonAndItems } from "../../shared/bounded-text.ts";
import { wheelhousesOf, wheelhouseTagOf } from "../artifacts/wheelhouses.ts";
import { writeJson } from "../aws/s3.ts";
import { defaultReusedFeatures } from "../contract/choices.ts";
import type { Execution } from "../contract/execution.ts";
import { describeLeftOut, shortenNames } from "../contract/image-tree.ts";
import type { Plan } from "../contract/plan.ts";
import { planFile, runKey, runUri } from "../contract/s3-layout.ts";
import { seededWarning } from "../contract/seeded-weights.ts";
import { architectureProblem } from "../planning/candidate-nodes.ts";
import { describeBorrowed, planBorrowed, toSeconds, withKeeping } from "../planning/kept-plan.ts";
import { type PlannedCluster, planCluster } from "../planning/planner.ts";
import { precisionWarnings } from "../planning/precision.ts";
import {
  archivedWarning,
  estimatedWarning,
  referenceWarning,
  withoutCsvWarnings,
} from "../planning/selection-warnings.ts";
import { PreflightFailed } from "../runtime/errors.ts";
import { maxHours } from "../teardown/cluster-age.ts";
import { accountChecks } from "./checks/account-checks.ts";
import { keptClusterChecks } from "./checks/kept-cluster-checks.ts";
import { type CheckOutcome, isFatal, runChecks } from "./checks/run-checks.ts";
import { parseInput, type ResolvedInput, refuseIf } from "./parse-input.ts";
import type { PreflightClients, PreflightConfig } from "./preflight-context.ts";
import type { Selected } from "./selection.ts";
import { selectionProblems } from "./selection-problems.ts";
import { reusable, type Survey, survey } from "./survey.ts";

export interface PreflightEvent {
  readonly state: { readonly input?: unknown };
  readonly execution: Execution;
}

/** @throws InvalidInput that lists every problem of the execution input */
function resolveInput(executionInput: unknown, config: PreflightConfig): ResolvedInput {
  const { architecture, pcaComponents } = config.CLUSTER_DEFAULTS;
  const input = parseInput(executionInput, {
    bucket: config.DATA_BUCKET,
    inputPrefix: config.INPUT_PREFIX,
    maxCostUsd: config.MAX_COST_USD,
    maxKeepMinutes: config.MAX_KEEP_MINUTES,
    pcaComponents,
  });
  const types = ["primaryType", "coreType"] as const;
  refuseIf(types.flatMap((key) => architectureProblem(key, input.cluster[key], architecture) ?? []));
  return input;
}

function newImagesOf({ selected: { counts }, storedCount }: Survey): number {
  return counts.images - (storedCount ?? 0);
}

/** Plans a new cluster, or the run on the kept cluster if its creator's plan was found. */
function planRun(input: ResolvedInput, found: Survey, config: PreflightConfig, runId: string): PlannedCluster {
  const { selected, steps, storedCount, createdPlan, model, precision } = found;
  const { counts } = selected;
  const request = {
    runId,
    bucket: config.DATA_BUCKET,
    work: {
      images: counts.images,
      newImages: newImagesOf(found),
      bytes: counts.bytes,
      steps,
      isStoreKnown: storedCount !== null,
      packGroups: found.pack?.groups,
      relativeTime: model.relativeTime,
      precision,
      jpegDraft: input.jpegDraft,
    },
    maxMegapixels: input.maxMegapixels,
    overrides: input.cluster,
    defaults: config.CLUSTER_DEFAULTS,
    maxCostUsd: input.maxCostUsd,
    keepMinutes: input.keepMinutes,
    region: config.AWS_REGION,
  };
  return createdPlan ? planBorrowed(createdPlan, request) : planCluster(request);
}

interface ExaminedRun {
  readonly input: ResolvedInput;
  readonly found: Survey;
  readonly planned: PlannedCluster;
  readonly outcomes: readonly CheckOutcome[];
}

/**
 * Counts the images, plans the cluster and checks the account. Refuses only a wrong input, not yet a failed check.
 *
 * @throws InvalidInput when the execution input is wrong
 */
async function examineRun(
  { state, execution }: PreflightEvent,
  config: PreflightConfig,
  clients: PreflightClients,
  now: Date,
): Promise<ExaminedRun> {
  const input = resolveInput(state.input, config);
  const found = await survey(input, config, clients);
  // A retried Preflight must plan the same run, so the run is named after the execution.
  const planned = planRun(input, found, config, execution.name);
  const { listed, selected, keptCluster, precision } = found;
  const { id } = input.cluster;
  const { cluster } = planned;
  const outcomes = await runChecks([
    ...accountChecks(
      { config, clients, execution, cluster, imageTree: input.imageTree, listed, selected, precision },
      { createsCluster: keptCluster === undefined },
    ),
    ...(id === undefined || keptCluster === undefined
      ? []
      : keptClusterChecks({
          id,
          found: keptCluster,
          execution,
          sfn: clients.sfn,
          environment: {
            wheelhouse: wheelhouseTagOf(wheelhousesOf(precision, config)),
            releaseLabel: config.CLUSTER_DEFAULTS.releaseLabel,
          },
          minutes: planned.estimate.minutes,
          now,
        })),
  ]);
  return { input, found, planned, outcomes };
}

/**
 * Checks the account for an execution with this input, without planning or writing a run.
 *
 * @throws InvalidInput when the execution input is wrong
 */
export async function checkAccount(
  event: PreflightEvent,
  config: PreflightConfig,
  clients: PreflightClients,
  now: Date = new Date(),
): Promise<readonly CheckOutcome[]> {
  return (await examineRun(event, config, clients, now)).outcomes;
}

function describeFailed(failed: readonly CheckOutcome[]): readonly string[] {
  return failed.map(({ name, detail, remedy }) => `${name}: ${detail}. ${remedy}`);
}

function inputProblems(
  input: ResolvedInput,
  { listed, selected, model }: Survey,
  { problems }: PlannedCluster,
  estimate: Plan["estimate"],
): readonly string[] {
  // Without a listing nothing is known about the images; the checks report the error.
  if (listed.status === "rejected") return [];
  const { images } = selected.counts;
  // The estimate of an impossible cluster means nothing.
  const isTooExpensive = problems.length === 0 && estimate.usd > input.maxCostUsd;
  return [
    ...selectionProblems(input, listed.value, { images, dimensions: model.dimensions }),
    ...problems,
    ...(isTooExpensive
      ? [
          `maxCostUsd: the plan is estimated at ${estimate.usd} USD, the ceiling is ${input.maxCostUsd} USD (${estimate.arithmetic}). Raise maxCostUsd, or give a limit`,
        ]
      : []),
  ];
}

/**
 * @throws InvalidInput when the input is wrong; it lists failed checks too, so that the next start does not fail on them
 * @throws PreflightFailed when checks failed
 */
function refuseBadRun(problems: readonly string[], outcomes: readonly CheckOutcome[]): void {
  const failures = describeFailed(outcomes.filter(isFatal));
  if (problems.length > 0) refuseIf([...problems, ...failures]);
  if (failures.length > 0) {
    throw new PreflightFailed(`${failures.length} of ${outcomes.length} checks failed${colonAndItems(failures)}`);
  }
}

/** The start of the listing, or the time of a later file that it has found: S3's clock may be ahead of the function's. */
function plannedAt(listed: Survey["listed"], now: Date): Date {
  const newest = listed.status === "fulfilled" ? listed.value.newest : undefined;
  return newest && newest > now ? newest : now;
}

/** @throws the error of the listing, which the checks have reported before */
function describeTree(
  listed: Survey["listed"],
): Pick<Plan, "tree" | "splits" | "usedSplits" | "unusedSplits" | "leftOut"> {
  if (listed.status === "rejected") throw listed.reason;
  const { rules, splits, usedSplits, leftOut } = listed.value;
  const unused = splits.filter((split) => !usedSplits.includes(split));
  return {
    tree: rules,
    splits: unused.length === 0 ? null : [...usedSplits],
    usedSplits: shortenNames(usedSplits),
    unusedSplits: shortenNames(unused),
    leftOut: [...leftOut],
  };
}

function warningsOf(
  leftOut: Plan["leftOut"],
  { counts, archived }: Selected,
  model: Plan["model"],
  outcomes: readonly CheckOutcome[],
): string[] {
  return [
    ...(counts.estimated ? [estimatedWarning(counts)] : []),
    ...(archived > 0 ? [archivedWarning(archived, counts)] : []),
    ...leftOut.map(describeLeftOut),
    ...(model.weights === "seeded" ? [seededWarning] : []),
    ...describeFailed(outcomes.filter(({ ok, isWarning }) => !ok && isWarning)),
  ];
}

/**
 * Plans the run as `planExecution` does, and writes the plan to runs/<runId>/plan.json.
 *
 * @throws InvalidInput when the execution input is wrong, or does not fit the images
 * @throws PreflightFailed when the account is not ready; lists every failed check
 */
export async function preflight(
  event: PreflightEvent,
  config: PreflightConfig,
  clients: PreflightClients,
  now: Date = new Date(),
): Promise<Plan> {
  const plan = await planExecution(event, config, clients, now);
  await writeJson(clients.s3, { bucket: plan.bucket, key: runKey(plan.runId, planFile) }, plan);
  return plan;
}

/**
 * Parses the execution input, counts the images, checks the account, and plans the run. Creates nothing.
 *
 * @throws InvalidInput when the execution input is wrong, or does not fit the images
 * @throws PreflightFailed when the account is not ready; lists every failed check
 */
export async function planExecution(
  event: PreflightEvent,
  config: PreflightConfig,
  clients: PreflightClients,
  now: Date = new Date(),
): Promise<Plan> {
  const { execution } = event;
  const bucket = config.DATA_BUCKET;
  const runId = execution.name;
  const { input, found, planned, outcomes } = await examineRun(event, config, clients, now);
  const { cluster, stepLimits } = planned;
  const estimate = withKeeping(planned.estimate, cluster, input.keepMinutes);
  refuseBadRun(inputProblems(input, found, planned, estimate), outcomes);
  // The checks above explain an unreadable bucket better than the search for earlier runs does.
  if (found.earlier.status === "rejected") throw found.earlier.reason;

  const { selected, formats, model, precision, steps, store, keptCluster } = found;
  const { features, reuse } = reusable(found.earlier);
  const tree = describeTree(found.listed);
  // Without a count, the store may have all images.
  const reused = found.storedCount ?? selected.counts.images;
  const reusedFeatures = input.reusedFeatures ?? defaultReusedFeatures(reused, formats);
  return {
    runId,
    executionArn: execution.id,
    mode: input.mode,
    label: input.label,
    bucket,
    input: input.imageTree,
    run: runUri(bucket, runId),
    ...tree,
    pack: found.pack,
    limit: input.limit,
    selectionRule: input.selectionRule,
    pca: input.pca,
    formats,
    reusedFeatures,
    force: input.force,
    quality: input.quality,
    maxMegapixels: input.maxMegapixels,
    exifRotation: input.exifRotation,
    jpegDraft: input.jpegDraft,
    precision,
    plannedAt: toSeconds(plannedAt(found.listed, now)),
    counts: selected.counts,
    selection: selected.fingerprint,
    newImages: newImagesOf(found),
    store,
    features,
    reuse,
    model,
    steps,
    cluster,
    stepLimits,
    borrowed: keptCluster?.status === "fulfilled" ? describeBorrowed(keptCluster.value.cluster, cluster) : null,
    maxCostUsd: input.maxCostUsd,
    maxHours: maxHours(cluster, input.maxCostUsd),
    keepMinutes: input.keepMinutes,
    estimate,
    warnings: [
      ...warningsOf(tree.leftOut, selected, model, outcomes),
      ...(steps.features ? precisionWarnings(input.precision, precision, cluster) : []),
      ...(steps.features && input.formats === null ? withoutCsvWarnings(selected.counts) : []),
      ...(steps.features && input.reusedFeatures === null && reusedFeatures === "reference" ? [referenceWarning] : []),
    ],
    checks: outcomes.map(({ name, ok, detail, remedy }) => ({ name, ok, detail, remedy })),
  };
}
