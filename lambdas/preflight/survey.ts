import type { S3Client } from "@aws-sdk/client-s3";
import { listObjects, parseS3Uri } from "../aws/s3.ts";
import { defaultFormats } from "../contract/choices.ts";
import type { ClusterPlan } from "../contract/cluster-plan.ts";
import { featuresIdentity } from "../contract/decoder.ts";
import { modeProperties } from "../contract/modes.ts";
import type { Plan } from "../contract/plan.ts";
import { featuresStoreUri } from "../contract/s3-layout.ts";
import { choosePrecision } from "../planning/precision.ts";
import { findEarlierRun, type Reuse } from "../results/earlier-runs.ts";
import { logger } from "../runtime/handler.ts";
import { deployedModel } from "./deployed-model.ts";
import { type FoundCluster, findKeptCluster } from "./kept-cluster.ts";
import { type Listing, type ListingRequest, listImages } from "./list-images.ts";
import { describePack, findPack, selectFromPack } from "./packed-tree.ts";
import type { ResolvedInput } from "./parse-input.ts";
import type { PreflightClients, PreflightConfig } from "./preflight-context.ts";
import { countInInventory } from "./s3-inventory.ts";
import { type Selected, Selector } from "./selection.ts";
import { countStored } from "./stored-images.ts";

/** The facts about a run that Preflight has read from S3 and EMR. Errors are kept, because the checks report them. */
export interface Survey {
  readonly listed: PromiseSettledResult<Listing>;
  /** Figures of the images that the run uses. If the listing failed, they are those of the images that it had found. */
  readonly selected: Selected;
  readonly pack: Plan["pack"];
  readonly formats: Plan["formats"];
  readonly model: Plan["model"];
  /** s3:// folder of the features store of this model. */
  readonly store: string;
  /** An earlier run that can be reused, or the error of the search. */
  readonly earlier: PromiseSettledResult<Reuse>;
  readonly steps: Plan["steps"];
  /** Selected images that the features store already has; null when the store could not be read. */
  readonly storedCount: number | null;
  /** The cluster that the execution input names, or the error of describing it; undefined if it names none. */
  readonly keptCluster: PromiseSettledResult<FoundCluster> | undefined;
  /** The plan of the kept cluster's creator; undefined if the run creates a cluster, or the plan was not found. */
  readonly createdPlan: ClusterPlan | undefined;
  /** The precision that the run's nodes allow. */
  readonly precision: Plan["precision"];
}

const nothingToReuse: Reuse = { reuse: null, features: null };

async function settle<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [settled] = await Promise.allSettled([promise]);
  return settled;
}

/** Returns the earlier run that was found; if the search failed, nothing is reused. */
export function reusable(earlier: PromiseSettledResult<Reuse>): Reuse {
  return earlier.status === "fulfilled" ? earlier.value : nothingToReuse;
}

function stepsOf(isInventoryOnly: boolean, { reuse, features }: Reuse): Plan["steps"] {
  return {
    inventory: features === null,
    features: !isInventoryOnly && features === null,
    reduction: !isInventoryOnly && reuse === null,
    any: reuse === null,
  };
}

/**
 * Counts the selected images that the store has, from a sample if there are many. With an unreadable store, all images count
 * as new: only the quote depends on the number, and it is then too high, not too low.
 */
async function countStoredOrUnknown(
  s3: S3Client,
  store: string,
  { selected: { counts, sample }, pack }: Pick<Survey, "selected" | "pack">,
): Promise<number | null> {
  try {
    // The manifest of a pack does not name its images, so only an empty store tells how many of them are stored.
    if (pack !== null) return (await listObjects(s3, parseS3Uri(store), 1)).length === 0 ? 0 : null;
    const stored = await countStored(s3, store, sample);
    return stored === null ? null : Math.round((stored / Math.max(1, sample.images.length)) * counts.images);
  } catch (error) {
    logger.warn(`${store} could not be read; all images are quoted as new`, { error });
    return null;
  }
}

/** Counts keys by the S3 Inventory that the configuration names, if any. */
function keyCounter(
  s3: S3Client,
  { DATA_BUCKET: bucket, INVENTORY_PREFIX: key }: PreflightConfig,
  imageTree: string,
): NonNullable<ListingRequest["countKeys"]> {
  return async (isWanted) =>
    key === undefined ? undefined : countInInventory(s3, { bucket, key }, parseS3Uri(imageTree).bucket, isWanted);
}

/**
 * Counts the images by the manifest if the tree is a pack, otherwise by a listing.
 *
 * @throws InvalidInput if the input does not fit the pack
 */
async function findImages(
  input: ResolvedInput,
  config: PreflightConfig,
  s3: S3Client,
): Promise<Pick<Survey, "listed" | "selected" | "pack">> {
  const { imageTree } = input;
  const selector = new Selector(imageTree, input.selectionRule.limit);
  const none = { unlisted: 0, selectedLabels: 0 };
  const found = await settle(findPack(s3, imageTree));
  if (found.status === "rejected") return { listed: found, selected: selector.select(none), pack: null };
  if (found.value) {
    const { listing, selected } = selectFromPack(found.value, imageTree, input);
    return { listed: { status: "fulfilled", value: listing }, selected, pack: describePack(found.value) };
  }
  const request = { ...input, countKeys: keyCounter(s3, config, imageTree) };
  const listed = await settle(listImages(s3, imageTree, request, (image) => selector.add(image)));
  return { listed, selected: selector.select(listed.status === "fulfilled" ? listed.value : none), pack: null };
}

/**
 * Reads everything about the run's images, earlier runs and kept cluster that the plan depends on.
 *
 * @throws InvalidInput if the image tree is a pack that the input does not fit
 */
export async function survey(
  input: ResolvedInput,
  config: PreflightConfig,
  clients: PreflightClients,
): Promise<Survey> {
  const { s3 } = clients;
  const bucket = config.DATA_BUCKET;
  const { id } = input.cluster;
  const keptCluster = id === undefined ? undefined : await settle(findKeptCluster(clients, bucket, id));
  const createdPlan = keptCluster?.status === "fulfilled" ? keptCluster.value.plan : undefined;
  const nodes = { overrides: input.cluster, defaults: config.CLUSTER_DEFAULTS };
  const precision = choosePrecision(input.precision, createdPlan, nodes);
  const isInventoryOnly = !modeProperties(input.mode).computesFeatures;

  const { listed, selected, pack } = await findImages(input, config, s3);
  const { counts, fingerprint } = selected;
  const formats = input.formats ?? [...defaultFormats(counts.images)];

  const model = deployedModel(config);
  const canReuse = !isInventoryOnly && !input.force && counts.images > 0 && fingerprint !== null;
  const earlier = await settle(
    canReuse
      ? findEarlierRun(s3, { ...input, precision, formats, bucket, selection: fingerprint, model })
      : Promise.resolve(nothingToReuse),
  );
  const steps = stepsOf(isInventoryOnly, reusable(earlier));

  const store = featuresStoreUri(bucket, featuresIdentity({ ...input, precision, model }));
  const usesStore = steps.features && !input.force && listed.status === "fulfilled";
  const storedCount = usesStore ? await countStoredOrUnknown(s3, store, { selected, pack }) : 0;

  return {
    listed,
    selected,
    pack,
    formats,
    model,
    store,
    earlier,
    steps,
    storedCount,
    keptCluster,
    createdPlan,
    precision,
  };
}
