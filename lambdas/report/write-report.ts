import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { fillPage } from "../../shared/fill-page.ts";
import { parseS3Uri } from "../aws/s3.ts";
import type { Cost } from "../contract/cost.ts";
import type { Execution } from "../contract/execution.ts";
import type { Failure } from "../contract/failure.ts";
import type { Plan } from "../contract/plan.ts";
import { reportDataSchema } from "../contract/report-data.ts";
import { reportFile } from "../contract/s3-layout.ts";
import type { WrittenReport } from "../contract/state-data.ts";
import type { Validation } from "../contract/validation.ts";
import type { Environment } from "../runtime/environment.ts";
import { assembleReport, type Part } from "./assemble.ts";
import { type ReportClients, readSources } from "./read-sources.ts";

export interface WriteReportRequest {
  readonly state: {
    readonly plan: Plan;
    readonly validation: Validation;
    readonly input: Readonly<Record<string, unknown>>;
    readonly cluster: { readonly id: string };
    readonly cost?: Cost | undefined;
    readonly costError?: Failure | undefined;
  };
  readonly execution: Execution;
}

/** Writes the page about a run to S3. Safe to repeat. @throws Error if the assembled data violates its schema */
export async function writeReport(
  { state: { cost, costError, ...state }, execution }: WriteReportRequest,
  { LAMBDA_TASK_ROOT }: Pick<Environment, "LAMBDA_TASK_ROOT">,
  clients: ReportClients,
  now: Date = new Date(),
): Promise<WrittenReport> {
  const run = { ...state, execution };
  const sources = await readSources(run, clients);
  const knownCost: Part<Cost> = cost
    ? { value: cost }
    : { reason: `The cost was not recorded: ${costError?.Error ?? "no reason is known"}` };
  const data = reportDataSchema.parse(assembleReport(run, { ...sources, cost: knownCost }, now));
  const template = await readFile(join(LAMBDA_TASK_ROOT, "report-template.html"), "utf8");
  const page = Buffer.from(fillPage(template, data));
  const uri = `${state.plan.run}${reportFile}`;
  const { bucket, key } = parseS3Uri(uri);
  // S3 refuses a content that differs from the checksum that the SDK sends along.
  await clients.s3.send(
    new PutObjectCommand({ Bucket: bucket, Key: key, Body: page, ContentType: "text/html; charset=utf-8" }),
  );
  return { uri, bytes: page.length };
}
