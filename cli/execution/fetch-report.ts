import { basename, dirname, join } from "node:path";
import { parseS3Uri } from "../../lambdas/aws/s3.ts";
import { reportFile } from "../../lambdas/contract/s3-layout.ts";
import { partialStateSchema } from "../../lambdas/contract/state-data.ts";
import type { Clients } from "../account/aws-clients.ts";
import { NotFound } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { copyObjects } from "./copy-objects.ts";
import type { ReadRun } from "./read-run.ts";

/**
 * Copies the page about a run, without the other results, to where `orchard results` copies it.
 *
 * @returns path of the copy
 * @throws NotFound with the reason when the run has no page
 */
export async function fetchReport(
  { signal }: Lifetime,
  { s3 }: Pick<Clients, "s3">,
  { report: { runId, status, results }, data }: ReadRun,
  folder: string,
): Promise<string> {
  const { bucket, key } = parseS3Uri(results.uri);
  const from = { bucket, key: `${key}${dirname(reportFile)}/` };
  const isWanted = (name: string): boolean => name === basename(reportFile);
  const { files } = await copyObjects(s3, from, join(folder, dirname(reportFile)), { isWanted, signal });
  if (files > 0) return join(folder, reportFile);
  const { reportError } = partialStateSchema.parse(data);
  const why = reportError ? ` WriteReport failed: ${reportError.Error}.` : "";
  throw new NotFound(`The run ${runId}, which is ${status}, has no report at ${results.uri}${reportFile}.${why}`);
}
