// Copies a run's results to a folder and checks them, for the commands that show them.
import { parseS3Uri } from "../../lambdas/aws/s3.ts";
import { formats } from "../../lambdas/contract/choices.ts";
import type { Clients } from "../account/aws-clients.ts";
import { CommandFailed, NotFound } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { runSteps } from "../terminal/progress-steps.ts";
import { describeTransfer, type TransferProgress } from "../terminal/transfer.ts";
import { checkResults, type Format, type Manifest, readManifest } from "./check-results.ts";
import { type Copied, copyObjects } from "./copy-objects.ts";
import type { Report } from "./run-report.ts";

interface Wish {
  readonly folder: string;
  readonly wanted: readonly Format[];
  readonly quiet: boolean;
}

/**
 * Copies the results of a run, with the features and the PCA in the wanted formats, and checks them against the run's
 * manifest.
 *
 * @throws NotFound when the run has left nothing; CommandFailed when its results are not valid, or not complete
 */
export async function fetchResults(
  lifetime: Lifetime,
  clients: Pick<Clients, "s3">,
  report: Report,
  wish: Wish,
): Promise<{ readonly copied: Copied; readonly manifest: Manifest }> {
  const copied = await copyResults(lifetime, clients, report, wish);
  const manifest = readManifest(wish.folder);
  if (!manifest) throw withoutManifest(report, wish.folder, copied);
  await checkResults(wish.folder, manifest, wish.wanted);
  return { copied, manifest };
}

async function copyResults(
  lifetime: Lifetime,
  { s3 }: Pick<Clients, "s3">,
  { runId, results: { uri } }: Report,
  { folder, wanted, quiet }: Wish,
): Promise<Copied> {
  const unwanted = formats.filter((format) => !wanted.includes(format));
  const isWanted = (key: string): boolean =>
    !unwanted.some((format) => key.startsWith(`features/${format}/`) || key.startsWith(`pca/${format}/`));
  let copied: Copied = { files: 0, bytes: 0, unchanged: 0 };
  const since = Date.now();
  const copy = {
    title: `Results of ${runId}`,
    run: async ({ status }: { readonly status: (line: string) => void }) => {
      const onProgress = (progress: TransferProgress): void =>
        status(describeTransfer(progress, (Date.now() - since) / 1_000));
      copied = await copyObjects(s3, parseS3Uri(uri), folder, { isWanted, signal: lifetime.signal, onProgress });
    },
  };
  await runSteps(lifetime, [copy], quiet);
  if (copied.files === 0) throw new NotFound(`The run ${runId} has left nothing at ${uri}`);
  return copied;
}

/** Explains a missing manifest. It is the last file of a run, so the run has failed or is not over. */
function withoutManifest({ runId, status, error }: Report, folder: string, { files }: Copied): CommandFailed {
  const why = error ? `${error.name}: ${error.cause}` : `Follow it: orchard watch ${runId}`;
  return new CommandFailed(
    `The run ${runId} is ${status} and has no valid results. Its ${files} files so far are in ${folder}. ${why}`,
  );
}
