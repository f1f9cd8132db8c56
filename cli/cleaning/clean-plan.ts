import type { Clients } from "../account/aws-clients.ts";
import type { DeployedStack } from "../deployment/deployed-stacks.ts";
import type { AliveCluster } from "../execution/alive-clusters.ts";
import { bytesOf } from "../terminal/transfer.ts";
import { type Activity, readActivity } from "./activity.ts";
import { type BucketChoice, bucketParts, chooseObjects } from "./bucket-parts.ts";
import { findLocalFolders, type LocalFolder } from "./local-files.ts";

/** The choices of the command, each with its option. */
export const parts = {
  clusters: { option: "--clusters", help: "Orchard's clusters that no running execution uses, also kept ones" },
  outputs: { option: "--outputs", help: "results of runs" },
  logs: { option: "--logs", help: "logs of clusters and Spark's event logs" },
  store: {
    option: "--store",
    help: "features of all images, which the next run then computes again, also those that runs refer to",
  },
  localFiles: { option: "--local-files", help: "copies of results in ./results, and the CDK's output" },
  inputs: { option: "--inputs", help: "input images" },
} as const;

export type Part = keyof typeof parts;

/** An account, and its deployment if there is one. */
export interface Account {
  readonly clients: Clients;
  readonly deployment: DeployedStack | undefined;
}

/** Everything to delete. A part that was not chosen is undefined, or missing in `bucket`. */
export interface CleanPlan {
  /** Undefined when no account is involved. */
  readonly activity: Activity | undefined;
  readonly clusters: readonly AliveCluster[] | undefined;
  readonly bucket: readonly BucketChoice[];
  readonly localFiles: readonly LocalFolder[] | undefined;
}

/**
 * Chooses everything that the parts have and that was written before a time.
 *
 * @param account undefined when only local files are chosen
 * @throws UsageError when a running execution may need any of it
 */
export async function planCleaning(
  account: Account | undefined,
  chosen: readonly Part[],
  before: Date | undefined,
): Promise<CleanPlan> {
  const activity = account && (await readActivity(account.clients, account.deployment));
  const bucket: BucketChoice[] = [];
  for (const part of bucketParts.filter((each) => chosen.includes(each))) {
    if (account?.deployment && activity) {
      bucket.push(await chooseObjects(part, { ...account, deployment: account.deployment, activity, before }));
    }
  }
  const clusters = activity?.clusters.filter(
    ({ id, createdAt }) =>
      !activity.usedClusters.has(id) && (before === undefined || (createdAt !== undefined && createdAt < before)),
  );
  return {
    activity,
    clusters: chosen.includes("clusters") ? clusters : undefined,
    bucket,
    localFiles: chosen.includes("localFiles") ? await findLocalFolders(before) : undefined,
  };
}

/** Counts the things that a plan deletes of one part; the names are those of --json. */
export interface Portion {
  readonly part: Part;
  /** Ids of clusters or runs, or paths of folders. */
  readonly names: readonly string[];
  /** Objects or files; zero for clusters. */
  readonly objects: number;
  /** Versions of the objects, with delete markers. */
  readonly versions: number;
  readonly bytes: number;
  /** Says what stays because it is in use. */
  readonly kept: readonly string[];
}

/** Counts what a plan deletes, a portion for each chosen part. */
export function listPortions({ activity, clusters, bucket, localFiles }: CleanPlan): readonly Portion[] {
  const none = { names: [], objects: 0, versions: 0, bytes: 0, kept: [] };
  const portions: Portion[] = [];
  if (clusters) {
    const used = (activity?.clusters ?? []).filter(({ id }) => activity?.usedClusters.has(id));
    const kept = used.map(({ id }) => `cluster ${id}, which a running execution uses`);
    portions.push({ ...none, part: "clusters", names: clusters.map(({ id }) => id), kept });
  }
  for (const { part, runs: names, objects, kept } of bucket) {
    const versions = objects.reduce((sum, object) => sum + object.versions.length, 0);
    portions.push({ part, names, objects: objects.length, versions, bytes: bytesOf(objects), kept });
  }
  if (localFiles) {
    const files = localFiles.reduce((sum, folder) => sum + folder.files, 0);
    const names = localFiles.map(({ path }) => path);
    portions.push({ ...none, part: "localFiles", names, objects: files, versions: files, bytes: bytesOf(localFiles) });
  }
  return portions;
}

export function isEmptyPortion({ names, objects }: Portion): boolean {
  return names.length + objects === 0;
}
