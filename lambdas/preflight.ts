import { EC2Client } from "@aws-sdk/client-ec2";
import { IAMClient } from "@aws-sdk/client-iam";
import { S3Client } from "@aws-sdk/client-s3";
import { ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import { SNSClient } from "@aws-sdk/client-sns";
import { STSClient } from "@aws-sdk/client-sts";
import { z } from "zod";
import { createEmrClient } from "./aws/emr.ts";
import { createSfnClient } from "./aws/executions.ts";
import { writeJson } from "./aws/s3.ts";
import { featuresIdentity } from "./contract/decoder.ts";
import { executionSchema } from "./contract/execution.ts";
import type { Plan } from "./contract/plan.ts";
import { artifactKey } from "./contract/s3-layout.ts";
import { describeBorrowed, planBorrowed, withKeeping } from "./planning/kept-plan.ts";
import { architectureProblem, planCluster } from "./planning/planner.ts";
import {
  type CheckOutcome,
  type PreflightClients,
  type PreflightConfig,
  preflightChecks,
  runChecks,
} from "./preflight/checks.ts";
import { findKeptCluster, keptClusterChecks } from "./preflight/kept-cluster.ts";
import { nearestNames } from "./preflight/nearest-names.ts";
import { parseInput, type ResolvedInput, refuseIf } from "./preflight/parse-input.ts";
import { countImages, fingerprint, type Listing, listImages, takeImages } from "./preflight/selection.ts";
import { countStored } from "./preflight/stored-images.ts";
import { findEarlierRun } from "./results/earlier-runs.ts";
import { environmentSchema, readEnvironment } from "./runtime/environment.ts";
import { PreflightFailed } from "./runtime/errors.ts";
import { lambdaHandler, logger } from "./runtime/handler.ts";
import { maxHours } from "./teardown/cluster-age.ts";

export const preflightEventSchema = z.object({
  state: z.looseObject({ input: z.unknown().optional() }),
  execution: executionSchema,
});
export type PreflightEvent = z.output<typeof preflightEventSchema>;

const dimensions = 1280;
const maxNamesListed = 40;

function names(all: readonly string[]): string {
  if (all.length === 0) return "none";
  const shown = all.slice(0, maxNamesListed).map((name) => JSON.stringify(name));
  return all.length > shown.length ? `${shown.join(", ")} and ${all.length - shown.length} more` : shown.join(", ");
}

function suggest(name: string, known: readonly string[]): string {
  const suggestions = nearestNames(name, known);
  return suggestions.length === 0 ? "" : ` Did you mean ${suggestions.map((s) => JSON.stringify(s)).join(" or ")}?`;
}

/** What the input asks for and the tree does not have: the first reason only, because the others follow from it. */
function emptySelectionProblem(input: ResolvedInput, { splits, labels }: Listing): string {
  if (splits.length === 0) {
    return `input: there are no images under ${input.input}, which has to hold <split>/<label>/<image>.jpg. Upload the images there, or name another place with "input"`;
  }
  if (labels.length === 0) return `splits: no labels in ${names(input.splits ?? splits)} under ${input.input}`;
  if (input.label !== null && !labels.includes(input.label)) {
    return `label: there is no ${JSON.stringify(input.label)}.${suggest(input.label, labels)} Labels there: ${names(labels)}`;
  }
  return `mode: "${input.mode}" selects no image under ${input.input}. Labels there: ${names(labels)}`;
}

function selectionProblems(input: ResolvedInput, listing: Listing, images: number): string[] {
  const problems: string[] = [];
  for (const split of listing.splits.length === 0 ? [] : (input.splits ?? [])) {
    if (!listing.splits.includes(split)) {
      problems.push(
        `splits: there is no ${JSON.stringify(split)} under ${input.input}.${suggest(split, listing.splits)} Folders there: ${names(listing.splits)}`,
      );
    }
  }
  if (images === 0) {
    if (problems.length === 0) problems.push(emptySelectionProblem(input, listing));
    return problems;
  }
  if (input.mode === "inventory") return problems;
  const maxComponents = Math.min(images - 1, dimensions);
  if (images < 2) problems.push(`mode: "${input.mode}" selects 1 image, and a PCA needs at least 2`);
  else if ("components" in input.pca && input.pca.components > maxComponents) {
    problems.push(
      `pca.components: ${input.pca.components} is too many for ${images} images; the maximum is ${maxComponents}, as in {"pca": {"components": ${maxComponents}}}`,
    );
  }
  return problems;
}

/** What a cluster that is there already was created with. */
const creationChecks = [
  "emr-service-role",
  "emr-instance-profile",
  "subnet",
  "key-pair",
  "instance-types",
  "vcpu-quota",
];

function describeFailed(failed: readonly CheckOutcome[]): readonly string[] {
  return failed.map(({ name, detail, remedy }) => `${name}: ${detail}. ${remedy}`);
}

/** Only the quote depends on it: what cannot be read counts as not there, which quotes more. */
async function storedOrUnknown(...[s3, store, input, images]: Parameters<typeof countStored>): Promise<number | null> {
  try {
    return await countStored(s3, store, input, images);
  } catch (error) {
    logger.warn(`${store} could not be read; all images are quoted as new`, { error });
    return null;
  }
}

/**
 * Parses the input, counts the images, asks the account everything that a run depends on, and makes the plan, which
 * is also written to runs/<runId>/plan.json. Creates nothing else.
 *
 * @throws InvalidInput when the input, or the input and the images, do not make a run
 * @throws PreflightFailed when the account is not ready; lists every failed check
 */
export async function preflight(
  { state, execution }: PreflightEvent,
  config: PreflightConfig,
  clients: PreflightClients,
  now: Date = new Date(),
): Promise<Plan> {
  const bucket = config.DATA_BUCKET;
  const { architecture } = config.CLUSTER_DEFAULTS;
  const input = parseInput(state.input, {
    bucket,
    inputPrefix: config.INPUT_PREFIX,
    maxCostUsd: config.MAX_COST_USD,
    maxKeepMinutes: config.MAX_KEEP_MINUTES,
    pcaComponents: config.CLUSTER_DEFAULTS.pcaComponents,
  });
  refuseIf(
    (["primaryType", "coreType"] as const).flatMap(
      (key) => architectureProblem(key, input.cluster[key], architecture) ?? [],
    ),
  );
  // The execution's name, so that a retried Preflight plans the same run.
  const runId = execution.name;

  const listing = listImages(clients.s3, input.input, input);
  const selection = listing.then(({ images }) => takeImages(images, input.limit));
  // Awaited below by the checks, which report it; here only its absence matters.
  const [listed, selected] = await Promise.allSettled([listing, selection]);
  const counts = countImages(selected.status === "fulfilled" ? selected.value : []);

  const isFullRun = input.mode !== "inventory";
  const images = fingerprint(input.input, selected.status === "fulfilled" ? selected.value : []);
  const model = {
    key: artifactKey(config.MODEL_SHA256, "model.tflite"),
    sha256: config.MODEL_SHA256,
    weights: config.MODEL_WEIGHTS,
    inputSize: 224,
    dimensions,
  };
  // A bucket that cannot be read is reported by the checks, with a remedy.
  const [earlier] = await Promise.allSettled([
    isFullRun && !input.force && counts.images > 0
      ? findEarlierRun(clients.s3, { ...input, bucket, selection: images, model })
      : { reuse: null, features: null },
  ]);
  const { reuse, features } = earlier.status === "fulfilled" ? earlier.value : { reuse: null, features: null };
  const steps = {
    inventory: features === null,
    features: isFullRun && features === null,
    reduction: isFullRun && reuse === null,
    any: reuse === null,
  };
  const store = `s3://${bucket}/features-store/model=${featuresIdentity(model)}/`;
  const stored =
    steps.features && !input.force && selected.status === "fulfilled"
      ? await storedOrUnknown(clients.s3, store, input.input, selected.value)
      : 0;
  const { id } = input.cluster;
  const [kept] = await Promise.allSettled(id === undefined ? [] : [findKeptCluster(clients, bucket, id)]);
  const found = kept?.status === "fulfilled" ? kept.value : undefined;
  const request = {
    runId,
    bucket,
    work: { images: counts.images, newImages: counts.images - (stored ?? 0), steps, isStoreKnown: stored !== null },
    overrides: input.cluster,
    defaults: config.CLUSTER_DEFAULTS,
    maxCostUsd: input.maxCostUsd,
    keepMinutes: input.keepMinutes,
    region: config.AWS_REGION,
  };
  const planned = found?.plan ? planBorrowed(found.plan, request) : planCluster(request);
  const { cluster } = planned;
  const estimate = withKeeping(planned.estimate, cluster, input.keepMinutes);

  const accountChecks = preflightChecks({
    config,
    clients,
    execution,
    cluster,
    input: input.input,
    imageCount: async () => (await selection).length,
  });
  const keptChecks =
    id === undefined || kept === undefined
      ? []
      : keptClusterChecks({
          id,
          found: kept,
          execution,
          sfn: clients.sfn,
          environment: {
            wheelhouse: config.WHEELHOUSE_SHA256,
            releaseLabel: config.CLUSTER_DEFAULTS.releaseLabel,
          },
          minutes: planned.estimate.minutes,
          now,
        });
  const outcomes = await runChecks([
    ...accountChecks.filter(({ name }) => kept === undefined || !creationChecks.includes(name)),
    ...keptChecks,
  ]);
  const failed = outcomes.filter(({ ok, isWarning }) => !ok && !isWarning);
  const failures = describeFailed(failed);

  if (listed.status === "fulfilled") {
    const problems = selectionProblems(input, listed.value, counts.images);
    problems.push(...planned.problems);
    // What cannot run has no price.
    if (planned.problems.length === 0 && estimate.usd > input.maxCostUsd) {
      problems.push(
        `maxCostUsd: the plan is estimated at ${estimate.usd} USD, the ceiling is ${input.maxCostUsd} USD (${estimate.arithmetic}). Raise maxCostUsd, or give a limit`,
      );
    }
    // The account's failures are told along, so that nobody learns of them one start later.
    if (problems.length > 0) refuseIf([...problems, ...failures]);
  }
  if (failures.length > 0) {
    throw new PreflightFailed(
      `${failures.length} of ${outcomes.length} checks failed${failures.length === 1 ? ": " : ":\n- "}${failures.join("\n- ")}`,
    );
  }

  if (earlier.status === "rejected") throw earlier.reason;

  const warnings = describeFailed(outcomes.filter(({ ok, isWarning }) => !ok && isWarning));
  const plan: Plan = {
    runId,
    executionArn: execution.id,
    mode: input.mode,
    label: input.label,
    bucket,
    input: input.input,
    run: `s3://${bucket}/runs/${runId}/`,
    splits: input.splits,
    limit: input.limit,
    pca: input.pca,
    formats: input.formats,
    force: input.force,
    quality: input.quality,
    counts,
    selection: images,
    store,
    features,
    reuse,
    model,
    steps,
    cluster,
    borrowed: found ? describeBorrowed(found.cluster, cluster) : null,
    maxHours: maxHours(cluster, input.maxCostUsd),
    keepMinutes: input.keepMinutes,
    estimate,
    warnings:
      config.MODEL_WEIGHTS === "seeded"
        ? ["SEEDED RANDOM WEIGHTS: the features mean nothing, this run is a trial", ...warnings]
        : [...warnings],
    checks: outcomes.map(({ name, ok, detail, remedy }) => ({ name, ok, detail, remedy })),
  };
  await writeJson(clients.s3, { bucket, key: `runs/${runId}/plan.json` }, plan);
  return plan;
}

const settings = environmentSchema.omit({ LAMBDA_TASK_ROOT: true, STATE_MACHINE_ARN: true, MAX_CLUSTER_HOURS: true });
const clients: PreflightClients = {
  s3: new S3Client({}),
  sts: new STSClient({}),
  iam: new IAMClient({}),
  ec2: new EC2Client({}),
  sns: new SNSClient({}),
  quotas: new ServiceQuotasClient({}),
  emr: createEmrClient(),
  sfn: createSfnClient(),
};

export const handler = lambdaHandler(preflightEventSchema, (event) =>
  preflight(event, readEnvironment(settings), clients),
);
