import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { GetExecutionHistoryCommand, type HistoryEvent, SFNClient } from "@aws-sdk/client-sfn";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import { type ReportData, reportDataSchema } from "../../../lambdas/contract/report-data.ts";
import { type WriteReportRequest, writeReport } from "../../../lambdas/report/write-report.ts";
import { logger } from "../../../lambdas/runtime/handler.ts";
import { EmrDouble } from "../../doubles/emr.ts";
import { S3Double } from "../../doubles/s3.ts";
import { aPlan } from "../fixtures.ts";
import { cost } from "../mail/states.ts";
import { aRun, checks, figures, minutesLater, modelInfo, startedAt, summary, writtenAt } from "./a-run.ts";

logger.setLogLevel("SILENT");
const bundle = mkdtempSync(join(tmpdir(), "orchard-report-"));
writeFileSync(join(bundle, "report-template.html"), "<html>{{data}}</html>");
afterAll(() => rmSync(bundle, { recursive: true }));

let s3: S3Double;
let emr: EmrDouble;
let events: readonly HistoryEvent[];
const requests: GetExecutionHistoryCommand["input"][] = [];

beforeEach(() => {
  s3 = new S3Double();
  s3.writeJson("runs/run-1/manifest.json", { checks });
  s3.writeJson("runs/run-1/model_info/model_info.json", modelInfo);
  s3.writeJson("runs/run-1/features/summary.json", summary);
  s3.writeJson("runs/run-1/report/figures.json", figures);
  emr = new EmrDouble();
  emr.create("orchard-run-1", {}, { Status: { State: "TERMINATED" } }, minutesLater(1));
  events = [
    { id: 1, type: "TaskStateEntered", timestamp: startedAt, stateEnteredEventDetails: { name: "Preflight" } },
    { id: 2, type: "TaskStateExited", timestamp: minutesLater(1), stateExitedEventDetails: { name: "Preflight" } },
  ];
  requests.length = 0;
});

/** Step Functions with one event in each page. */
const sfn = Object.assign(new SFNClient({}), {
  send: async (command: unknown) => {
    if (!(command instanceof GetExecutionHistoryCommand)) throw new Error("No answer to that");
    requests.push(command.input);
    const index = Number(command.input.nextToken ?? 0);
    const next = index + 1 < events.length ? { nextToken: String(index + 1) } : {};
    return { events: events.slice(index, index + 1), ...next };
  },
});

function write({ execution, ...state } = aRun(), more: Partial<WriteReportRequest["state"]> = { cost }) {
  const clients = { s3: s3.client, emr: emr.client, sfn };
  return writeReport({ state: { ...state, ...more }, execution }, { LAMBDA_TASK_ROOT: bundle }, clients, writtenAt);
}

function writtenData(): ReportData {
  const page = s3.readText("runs/run-1/report/report.html");
  const [, base64 = ""] = /^<html>(.*)<\/html>$/.exec(page) ?? [];
  return reportDataSchema.parse(JSON.parse(gunzipSync(Buffer.from(base64, "base64")).toString()));
}

test("writes the page with the figures of every file, of Step Functions and of EMR", async () => {
  const report = await write();

  expect(report).toEqual({ uri: "s3://data/runs/run-1/report/report.html", bytes: expect.any(Number) });
  expect(s3.objects.get("runs/run-1/report/report.html")).toHaveLength(report.bytes);
  expect(s3.puts.at(-1)?.ContentType).toBe("text/html; charset=utf-8");
  expect(writtenData()).toMatchObject({
    run: { id: "run-1", mode: "mini", results: "s3://data/runs/run-1/", input: { mode: "mini" }, onAws: true },
    model: { name: "MobileNetV2", weights: "imagenet", precision: "float32" },
    validation: { images: 59 },
    checks,
    variance: { ratios: [0.5, 0.25], cumulative: [0.5, 0.75] },
    errors: [{ reason: "not an image", images: 1, examples: ["Training/Apple/1.jpg"] }],
    cost: { actualUsd: 0.06 },
    cluster: "j-1",
    timeline: [
      { kind: "state", name: "Preflight" },
      { kind: "cluster", name: "j-1", outcome: "succeeded" },
    ],
    figures,
    missing: [],
  });
});

test("a run that only reduces has the errors of the run that computed the features", async () => {
  s3.writeJson("runs/run-0/features/summary.json", { ...summary, reasons: { "too large": 2 }, examples: {} });
  s3.objects.delete("runs/run-1/features/summary.json");

  await write(aRun({ plan: aPlan("data", { features: "s3://data/runs/run-0/features/parquet" }) }));

  expect(writtenData().errors).toEqual([{ reason: "too large", images: 2, examples: [] }]);
});

test("a run of mode inventory has no features, and its page says so without looking for any", async () => {
  await write(aRun({ plan: aPlan("data", { mode: "inventory" }) }));

  const reason = "The mode inventory computes no features";
  expect(writtenData()).toMatchObject({ variance: null, figures: null, errors: [], model: { name: null } });
  expect(writtenData().missing).toEqual([
    { part: "variance", reason },
    { part: "errors", reason },
    { part: "figures", reason },
  ]);
  expect(s3.gets).toEqual(["runs/run-1/manifest.json"]);
});

test("every missing part is named with its reason, and the page has the others", async () => {
  s3.objects.delete("runs/run-1/report/figures.json");
  s3.write("runs/run-1/features/summary.json", "{");
  s3.writeJson("runs/run-1/model_info/model_info.json", { model: {} });
  emr.undescribable = "j-1";
  events = Array.from({ length: 2_001 }, (_, id) => ({ id, type: "LambdaFunctionFailed", timestamp: startedAt }));

  await write(aRun(), { costError: { Error: "States.Timeout", Cause: "" } });

  const { missing, ...data } = writtenData();
  expect(data).toMatchObject({ checks, variance: null, errors: [], figures: null, timeline: [], cost: null });
  expect(missing).toEqual([
    {
      part: "variance",
      reason: expect.stringMatching(/model_info\.json does not have the expected content: .*model\.name/),
    },
    { part: "errors", reason: expect.stringMatching(/summary\.json is not valid JSON/) },
    { part: "figures", reason: "s3://data/runs/run-1/report/figures.json does not exist" },
    { part: "timeline", reason: "The execution's history could not be read: Error: it has more than 2000 events" },
    { part: "timeline", reason: "The cluster j-1 could not be read: ThrottlingException: Rate exceeded" },
    { part: "cost", reason: "The cost was not recorded: States.Timeout" },
  ]);
});

test("a file that is too large is not read", async () => {
  s3.write("runs/run-1/report/figures.json", new Uint8Array(17 * 1024 * 1024));

  await write();

  expect(writtenData().missing).toEqual([
    { part: "figures", reason: "s3://data/runs/run-1/report/figures.json has more than 16777216 bytes" },
  ]);
});

test("a service that does not answer costs the page only its part", async () => {
  vi.useFakeTimers();
  try {
    const silent = Object.assign(new SFNClient({}), { send: () => new Promise(() => undefined) });
    const { execution, ...state } = aRun();
    const clients = { s3: s3.client, emr: emr.client, sfn: silent };
    const written = writeReport(
      { state: { ...state, cost }, execution },
      { LAMBDA_TASK_ROOT: bundle },
      clients,
      writtenAt,
    );
    await vi.advanceTimersByTimeAsync(15_000);
    await written;
  } finally {
    vi.useRealTimers();
  }

  expect(writtenData().missing).toEqual([
    { part: "timeline", reason: "The execution's history could not be read: Error: no answer within 15 s" },
  ]);
});

test("asks for the history without the states' data, which may have 256 KiB each", async () => {
  await write();

  expect(requests.map(({ includeExecutionData }) => includeExecutionData)).toEqual([false, false]);
});

test("fails if the page cannot be written", async () => {
  s3.putError = "AccessDenied";

  await expect(write()).rejects.toMatchObject({ name: "AccessDenied" });
});
