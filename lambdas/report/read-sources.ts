import type { EMRClient } from "@aws-sdk/client-emr";
import type { S3Client } from "@aws-sdk/client-s3";
import { type HistoryEvent, paginateGetExecutionHistory, type SFNClient } from "@aws-sdk/client-sfn";
import type { z } from "zod";
import { cutText } from "../../shared/bounded-text.ts";
import { describeCluster } from "../aws/emr.ts";
import { describeError, isNamed } from "../aws/errors.ts";
import { MalformedObject, parseS3Uri, readJson } from "../aws/s3.ts";
import { listSteps, runOf } from "../aws/steps.ts";
import { featuresSummarySchema } from "../contract/job-reports.ts";
import { modeProperties } from "../contract/modes.ts";
import { reportFiguresSchema } from "../contract/report-figures.ts";
import { featuresRunOf, manifestFile, reportFiguresFile } from "../contract/s3-layout.ts";
import { logger } from "../runtime/handler.ts";
import {
  type Part,
  type ReportedRun,
  type ReportSources,
  reportedManifestSchema,
  reportedModelSchema,
} from "./assemble.ts";
import type { UsedCluster } from "./timeline.ts";

export interface ReportClients {
  readonly s3: S3Client;
  readonly emr: EMRClient;
  readonly sfn: SFNClient;
}

/** Size up to which a file is read. The figures have a few megabytes, the others some kilobytes. */
const maxFileBytes = 16 * 1024 * 1024;
/** Executions have about a hundred events. One that waited for its turn has some hundreds more. */
const maxEvents = 2_000;
/** Time limit for a part with its own retries. A service that does not answer costs the report only that part. */
const maxPartMs = 15_000;
const maxReasonLength = 300;

/** Reads everything that a run's page shows, side by side. A part that cannot be read never prevents the others. */
export async function readSources(
  { plan, cluster, execution }: ReportedRun,
  { s3, emr, sfn }: ReportClients,
): Promise<Omit<ReportSources, "cost">> {
  const fromFile = <T>(uri: string, schema: z.ZodType<T>): Promise<Part<T>> =>
    readPart(uri, () => readJson(s3, parseS3Uri(uri), schema, maxFileBytes));
  const without: Part<never> = { reason: `The mode ${plan.mode} computes no features` };
  const ofFeatures = <T>(uri: string, schema: z.ZodType<T>): Promise<Part<T>> | Part<T> =>
    modeProperties(plan.mode).computesFeatures ? fromFile(uri, schema) : without;
  const [manifest, modelInfo, features, figures, history, used] = await Promise.all([
    fromFile(`${plan.run}${manifestFile}`, reportedManifestSchema),
    ofFeatures(`${plan.run}model_info/model_info.json`, reportedModelSchema),
    ofFeatures(`${featuresRunOf(plan)}features/summary.json`, featuresSummarySchema),
    ofFeatures(`${plan.run}${reportFiguresFile}`, reportFiguresSchema),
    readPart("The execution's history", () => readHistory(sfn, execution.id)),
    readPart(`The cluster ${cluster.id}`, () => readCluster(emr, cluster.id, plan.runId)),
  ]);
  return { manifest, modelInfo, features, figures, history, cluster: used };
}

/** Reads a part of the report, or says why it is missing: a report with a gap is better than none. */
async function readPart<T>(name: string, read: () => Promise<T>): Promise<Part<T>> {
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${maxPartMs / 1_000} s`)), maxPartMs);
  try {
    return { value: await Promise.race([read(), timeout]) };
  } catch (error) {
    logger.warn(`${name} is not in the report`, { error });
    if (isNamed(error, "NoSuchKey")) return { reason: `${name} does not exist` };
    const reason =
      error instanceof MalformedObject ? error.message : `${name} could not be read: ${describeError(error)}`;
    return { reason: cutText(reason, maxReasonLength) };
  } finally {
    clearTimeout(timer);
  }
}

/** @throws Error if the history is longer than any that a run usually has */
async function readHistory(sfn: SFNClient, executionArn: string): Promise<readonly HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  const request = { executionArn, includeExecutionData: false, maxResults: 1_000 };
  for await (const { events: page = [] } of paginateGetExecutionHistory({ client: sfn }, request)) {
    events.push(...page);
    if (events.length > maxEvents) throw new Error(`it has more than ${maxEvents} events`);
  }
  return events;
}

/** Describes the cluster with the steps of the run; those of other runs on a kept cluster are left out. */
async function readCluster(emr: EMRClient, id: string, runId: string): Promise<UsedCluster> {
  const cluster = await describeCluster(emr, id);
  const steps = await listSteps(emr, id);
  return { cluster, steps: steps.filter((step) => runOf(step) === runId).toReversed() };
}
