import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { StepSummary } from "@aws-sdk/client-emr";
import { expect, test } from "vitest";
import { sections } from "../../../lambdas/contract/sections.ts";
import { aPlan } from "../fixtures.ts";
import { bucket, diagnose, LogBucket } from "./failed-run.ts";
import { clusterSamples } from "./log-samples/cluster-samples.ts";
import type { Sample } from "./log-samples/sample.ts";
import { stepSamples } from "./log-samples/step-samples.ts";

const samples = [...stepSamples, ...clusterSamples];
const folder = join(import.meta.dirname, "log-samples");
const application = "application_1700000000000_0001";
const container = "container_1700000000000_0001_01";
/** EMR's path of each of a sample's files, in the folder of the cluster's logs. */
const paths: Readonly<Record<string, string>> = {
  "driver.stdout.log": `containers/${application}/${container}_000001/stdout.gz`,
  "driver.stderr.log": `containers/${application}/${container}_000001/stderr.gz`,
  "client.stderr.log": "steps/s-1/stderr.gz",
  "controller.log": "steps/s-1/controller.gz",
  "bootstrap.stderr.log": "node/i-0123456789abcdef0/bootstrap-actions/1/stderr.gz",
};

function logsOf({ name, cluster }: Sample): LogBucket {
  const logs = new LogBucket();
  const write = (path: string, file: string): void => logs.writeBytes(path, gzipSync(readFileSync(file)));
  // Samples without a client log have the usual one of a failed application.
  if (cluster === undefined) write("steps/s-1/stderr.gz", join(folder, "yarn-client.stderr.log"));
  const files = existsSync(join(folder, name)) ? readdirSync(join(folder, name)) : [];
  for (const file of files) write(paths[file] ?? "", join(folder, name, file));
  return logs;
}

function stepsOf({ cluster, name }: Sample): readonly StepSummary[] {
  if (cluster !== undefined) return [];
  const State = name === "time-out" ? "CANCELLED" : "FAILED";
  return [{ Id: "s-1", Name: "ExtractFeatures", Status: { State } }];
}

test.each(samples.map((sample): [string, Sample] => [sample.name, sample]))("explains %s", async (_, sample) => {
  const plan = aPlan(bucket);
  const state = {
    plan: { ...plan, cluster: { ...plan.cluster, market: sample.market ?? "ON_DEMAND" } },
    scripts: {},
    ...(sample.cluster === undefined ? { cluster: { id: "j-1" } } : {}),
    error: sample.error ?? { Error: "States.TaskFailed", Cause: "{}" },
  };
  const emr = { cluster: sample.cluster ?? (sample.cluster === null ? null : {}), steps: stepsOf(sample) };

  const diagnosis = await diagnose(logsOf(sample), state, emr, {}, { attempts: 1, pauseMs: 0 });

  const { cause, section, remedy } = sample;
  expect(diagnosis).toMatchObject({ cause, section, remedy });
});

test("docs/troubleshooting.md has every section that a diagnosis can name", () => {
  const page = readFileSync(join(folder, "..", "..", "..", "..", "docs", "troubleshooting.md"), "utf8");
  const anchors = [...page.matchAll(/^## (.+)$/gm)].map(([, title = ""]) => title.toLowerCase().replaceAll(" ", "-"));

  expect(sections.filter((section) => !anchors.includes(section))).toEqual([]);
});

test("every folder of logs has a sample, and enough samples are observed", () => {
  const names = samples.map(({ name }) => name);
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());

  expect(folders.map(({ name }) => name).filter((name) => !names.includes(name))).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(25);
  expect(samples.filter(({ origin }) => origin.startsWith("observed: ")).length).toBeGreaterThanOrEqual(10);
});
