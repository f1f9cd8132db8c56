import prettyBytes from "pretty-bytes";
import { defaultPort } from "../../local/account.ts";
import { sync } from "../dataset/bucket-sync.ts";
import { type Dataset, readDataset } from "../dataset/image-tree.ts";
import { makeSample } from "../dataset/sample-images.ts";
import { type Deployment, deploy } from "../deployment/deployed-stacks.ts";
import { duration, seededWarning } from "../execution/run-report.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { Reporter, Step } from "../terminal/progress-steps.ts";
import { places, readModelInfo } from "../toolchain/places.ts";
import { type Clients, createClients } from "./aws-clients.ts";
import { openAccount, type RunningAccount } from "./embedded-account.ts";
import { subscribeMailbox } from "./mailbox-subscription.ts";

/** What `start` and `local` have in common: an account with the stack in it. */
export interface Session {
  readonly account: RunningAccount;
  readonly clients: Clients;
  readonly deployment: Deployment;
}

/** The steps that open a session; `get` gives it when they have run. */
export function sessionSteps(
  lifetime: Lifetime,
  port: number | undefined,
): { readonly steps: readonly Step[]; readonly get: () => Session } {
  let account: RunningAccount | undefined;
  let session: Session | undefined;
  const startIt = async ({ title }: Reporter): Promise<void> => {
    account = await openAccount(lifetime, port);
    title(`Account: ${account.reused ? "uses the one that runs" : "started"} on ${account.endpoint}`);
  };
  const deployIt = async ({ status, line, title }: Reporter): Promise<void> => {
    if (!account) throw new Error("The account comes before the deployment");
    const since = Date.now();
    const clients = createClients(account.env);
    const deployment = await deploy(lifetime, account, clients, status);
    await subscribeMailbox(clients, account.endpoint, deployment.topicArn);
    session = { account, clients, deployment };
    title(`Deployment: ${deployment.skipped ? "unchanged" : duration((Date.now() - since) / 1_000)}`);
    if (readModelInfo().weights === "seeded") line(seededWarning);
  };
  return {
    steps: [
      { title: `Account on port ${port ?? defaultPort}`, run: startIt },
      { title: "Deployment", run: deployIt },
    ],
    get: () => {
      if (!session) throw new Error("The session was not opened");
      return session;
    },
  };
}

interface UploadPlace {
  readonly deployment: Pick<Deployment, "bucket" | "inputPrefix">;
}

/** The images of a folder, or of the generated sample when none is named. */
export async function openDataset(lifetime: Lifetime, folder: string | undefined): Promise<Dataset> {
  if (folder === undefined) await makeSample(places.sample, lifetime.signal);
  return readDataset(folder ?? places.sample);
}

/** Makes the input prefix hold the dataset, and when `remove` is set, nothing else. */
export async function uploadImages(
  lifetime: Lifetime,
  { clients, deployment: { bucket, inputPrefix } }: Pick<Session, "clients"> & UploadPlace,
  dataset: Dataset,
  { status, title }: Reporter,
  remove = true,
): Promise<void> {
  const since = Date.now();
  const onProgress = (done: number, total: number): void => {
    const rate = (done * 1_000) / Math.max(1, Date.now() - since);
    const left = done > 0 ? `, ${duration((total - done) / rate)} left` : "";
    if (total > 0) status(`${done}/${total}, ${rate.toFixed(0)} images/s${left}`);
  };
  const options = { bucket, prefix: inputPrefix, remove, signal: lifetime.signal, onProgress };
  const { uploaded, unchanged, removed } = await sync(clients.s3, dataset.files, options);
  const bytes = prettyBytes(dataset.files.reduce((sum, file) => sum + file.bytes, 0));
  const counts = [`${uploaded} uploaded`, `${unchanged} there already`, ...(removed > 0 ? [`${removed} removed`] : [])];
  title(`Images: ${dataset.files.length} (${bytes}) in s3://${bucket}/${inputPrefix}, ${counts.join(", ")}`);
}
