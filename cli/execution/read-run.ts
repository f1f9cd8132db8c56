import { listObjects, parseS3Uri } from "../../lambdas/aws/s3.ts";
import { runUri } from "../../lambdas/contract/s3-layout.ts";
import type { Clients } from "../account/aws-clients.ts";
import type { DeployedStack } from "../deployment/deployed-stacks.ts";
import type { Run } from "./find-run.ts";
import { errorOf, findReusedRun, makeReport, type Report, type StateData } from "./run-report.ts";
import { describeExecution, readEnding } from "./watch-execution.ts";

export interface ReadRun {
  readonly input: unknown;
  readonly report: Report;
  readonly data: StateData;
}

/**
 * Reads all that Step Functions, EMR and S3 know of a run, whether it has ended or not.
 *
 * @param countFiles whether to count the run's files, which needs a list of all of them
 */
export async function readRun(
  clients: Clients,
  { bucket }: Pick<DeployedStack, "bucket">,
  { arn, runId }: Pick<Run, "arn" | "runId">,
  countFiles = true,
): Promise<ReadRun> {
  const [described, ending] = await Promise.all([
    describeExecution(clients, { arn }),
    readEnding(clients, { arn, runId }),
  ]);
  const { startDate, stopDate = new Date() } = described;
  const uri = findReusedRun(ending.data) ?? runUri(bucket, runId);
  const files = countFiles ? (await listObjects(clients.s3, parseS3Uri(uri))).length : null;
  const report = makeReport({
    runId,
    executionArn: arn,
    status: described.status ?? "UNKNOWN",
    error: errorOf(described, null),
    ...ending,
    results: { folder: null, uri, files },
    mail: undefined,
    seconds: (stopDate.getTime() - (startDate ?? stopDate).getTime()) / 1_000,
  });
  return { input: JSON.parse(described.input ?? "{}"), report, data: ending.data };
}
