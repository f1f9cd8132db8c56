import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DescribeClusterCommand, EMRClient, ListClustersCommand, ListStepsCommand } from "@aws-sdk/client-emr";
import { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import type { Diagnosis } from "../../../lambdas/contract/failure.ts";
import { sections } from "../../../lambdas/contract/sections.ts";
import { partialStateSchema } from "../../../lambdas/contract/state-data.ts";
import { diagnoseFailure } from "../../../lambdas/diagnose-failure.ts";
import { anExecution, aPlan } from "../fixtures.ts";
import { type Sample, samples } from "./log-samples/table.ts";

const folder = join(import.meta.dirname, "log-samples");
const application = "application_1700000000000_0001";
const container = "container_1700000000000_0001_01";
/** Where EMR puts a sample's files, below the cluster's logs. */
const places: Readonly<Record<string, string>> = {
  "driver.stdout.log": `containers/${application}/${container}_000001/stdout.gz`,
  "driver.stderr.log": `containers/${application}/${container}_000001/stderr.gz`,
  "client.stderr.log": "steps/s-1/stderr.gz",
  "controller.log": "steps/s-1/controller.gz",
  "bootstrap.stderr.log": "node/i-0123456789abcdef0/bootstrap-actions/1/stderr.gz",
};

function logsOf({ name, cluster }: Sample): ReadonlyMap<string, Uint8Array> {
  const own = existsSync(join(folder, name)) ? readdirSync(join(folder, name)) : [];
  const files = own.map((file): [string, string] => [places[file] ?? "", join(folder, name, file)]);
  // The client of a step that a cluster ran; every sample's but where it has one of its own.
  const client: [string, string] = ["steps/s-1/stderr.gz", join(folder, "yarn-client.stderr.log")];
  return new Map(
    [...(cluster === undefined ? [client] : []), ...files].map(([place, file]) => [
      `logs/emr/j-1/${place}`,
      gzipSync(readFileSync(file)),
    ]),
  );
}

function s3With(logs: ReadonlyMap<string, Uint8Array>): S3Client {
  const send = async (command: unknown): Promise<unknown> => {
    if (command instanceof ListObjectsV2Command) {
      const keys = [...logs.keys()].filter((key) => key.startsWith(command.input.Prefix ?? ""));
      return { Contents: keys.map((Key) => ({ Key, Size: logs.get(Key)?.length })) };
    }
    if (command instanceof GetObjectCommand) {
      const content = logs.get(command.input.Key ?? "");
      if (!content) throw Object.assign(new Error("The specified key does not exist."), { name: "NoSuchKey" });
      return { Body: { transformToByteArray: async () => content } };
    }
    throw new Error("Not answered");
  };
  // The SDK's paginator accepts only a real client.
  return Object.assign(new S3Client({}), { send });
}

/** A cluster that ran one step, which failed; or one that never came so far; or none. */
function emrWith({ cluster, name }: Sample): EMRClient {
  const State = name === "time-out" ? "CANCELLED" : "FAILED";
  const Steps = cluster === undefined ? [{ Id: "s-1", Name: "ExtractFeatures", Status: { State } }] : [];
  const send = async (command: unknown): Promise<unknown> => {
    if (command instanceof DescribeClusterCommand) {
      return { Cluster: { Id: "j-1", Tags: [{ Key: "orchard:execution-arn", Value: anExecution().id }], ...cluster } };
    }
    if (command instanceof ListClustersCommand) {
      return { Clusters: cluster === null ? [] : [{ Id: "j-1", Name: "orchard-run-1" }] };
    }
    if (command instanceof ListStepsCommand) return { Steps };
    throw new Error("Not answered");
  };
  // The SDK's paginator accepts only a real client.
  return Object.assign(new EMRClient({}), { send });
}

function diagnose(sample: Sample): Promise<Diagnosis> {
  const plan = aPlan("orchard-data-123456789012");
  const ran = sample.cluster === undefined;
  const state = partialStateSchema.parse({
    input: {},
    plan: { ...plan, cluster: { ...plan.cluster, market: sample.market ?? "ON_DEMAND" } },
    scripts: {},
    ...(ran ? { cluster: { id: "j-1" } } : {}),
    error: sample.error ?? { Error: "States.TaskFailed", Cause: "{}" },
  });
  return diagnoseFailure(
    { state, execution: anExecution() },
    { DATA_BUCKET: plan.bucket },
    { s3: s3With(logsOf(sample)), emr: emrWith(sample) },
    { attempts: 1, pauseMs: 0 },
  );
}

test.each(samples.map((sample): [string, Sample] => [sample.name, sample]))("%s", async (_, sample) => {
  const { cause, section, remedy } = await diagnose(sample);

  expect({ cause, section, remedy }).toEqual({
    cause: sample.cause,
    section: sample.section,
    remedy: sample.remedy,
  });
});

test("every section that a diagnosis can name is in docs/troubleshooting.md", () => {
  const page = readFileSync(join(folder, "..", "..", "..", "..", "docs", "troubleshooting.md"), "utf8");
  const anchors = [...page.matchAll(/^## (.+)$/gm)].map(([, title = ""]) => title.toLowerCase().replaceAll(" ", "-"));

  expect(sections.filter((section) => !anchors.includes(section))).toEqual([]);
});

test("every folder of logs is in the table, and enough of them are real", () => {
  const names = samples.map(({ name }) => name);
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).filter((name) => !names.includes(name))).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(25);
  expect(samples.filter(({ origin }) => origin.startsWith("really: ")).length).toBeGreaterThanOrEqual(10);
});
