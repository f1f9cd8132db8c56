import { parquetReadObjects } from "hyparquet";
import { z } from "zod";
import { listObjects, parseS3Uri, readBytes, type S3Location } from "../../lambdas/aws/s3.ts";
import { explainedVarianceSchema } from "../../lambdas/contract/job-reports.ts";
import { featuresRunOf, manifestFile } from "../../lambdas/contract/s3-layout.ts";
import { partialStateSchema } from "../../lambdas/contract/state-data.ts";
import type { Clients } from "../account/aws-clients.ts";
import type { DeployedStack } from "../deployment/deployed-stacks.ts";
import { manifestSchema } from "../execution/check-results.ts";
import { readJson } from "../execution/download-run.ts";
import type { Run } from "../execution/find-run.ts";
import { readRun } from "../execution/read-run.ts";
import { bytesOf } from "../terminal/transfer.ts";
import type { RunFacts, Selection } from "./compare-runs.ts";

/** Enough for the list of a million images, at some 60 compressed bytes each. */
const maxSelectionBytes = 64 * 1024 * 1024;

const selectedSchema = z.object({ path: z.string(), label: z.string(), etag: z.string().nullable() });

/** Reads everything about a run that is compared: from Step Functions, EMR and the run's files. */
export async function readFacts(clients: Clients, deployed: DeployedStack, run: Run): Promise<RunFacts> {
  const { report, data } = await readRun(clients, deployed, run, false);
  const { plan } = partialStateSchema.parse(data);
  const { bucket, key } = parseS3Uri(report.results.uri);
  const [info, manifest] = await Promise.all([
    readJson(clients, bucket, `${key}model_info/model_info.json`),
    readJson(clients, bucket, `${key}${manifestFile}`),
  ]);
  const explained = explainedVarianceSchema.safeParse(info).data;
  // The results may belong to an earlier run, which in turn may have reduced the features of a still earlier one.
  const features = manifestSchema.safeParse(manifest).data?.plan.features ?? plan?.features ?? null;
  const inventoried = featuresRunOf({ run: report.results.uri, features });
  const selection = plan && (await readSelection(clients, inventoried, plan.input));
  const missing = [
    ...(explained ? [] : [`${run.runId} has no explained variance`]),
    ...(selection instanceof Map ? [] : [`The images of ${run.runId} are not known: ${selection ?? "it has no plan"}`]),
  ];
  return {
    report,
    startedAt: run.startedAt,
    plan,
    variance: explained ? { ratios: explained.variance_by_component, cumulative: explained.cumulative_variance } : null,
    selection: selection instanceof Map ? selection : null,
    missing,
  };
}

/** Reads the images that a run has selected, by their paths below the image tree; or says why it cannot. */
async function readSelection({ s3 }: Clients, run: string, tree: string): Promise<Selection | string> {
  const { bucket, key } = parseS3Uri(run);
  const folder: S3Location = { bucket, key: `${key}inventory/selection/` };
  const files = (await listObjects(s3, folder)).filter((file) => file.key.endsWith(".parquet"));
  if (files.length === 0) return `${run}inventory/selection/ has no file`;
  if (bytesOf(files) > maxSelectionBytes) return `${run}inventory/selection/ has more than ${maxSelectionBytes} bytes`;
  const selection = new Map<string, { label: string; etag: string | null }>();
  for (const file of files) {
    const content = new Uint8Array(await readBytes(s3, { bucket, key: file.key }));
    for (const row of await parquetReadObjects({ file: content.buffer, columns: ["path", "label", "etag"] })) {
      const { path, label, etag } = selectedSchema.parse(row);
      selection.set(path.startsWith(tree) ? path.slice(tree.length) : path, { label, etag });
    }
  }
  return selection;
}
