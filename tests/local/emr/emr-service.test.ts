import { gunzipSync } from "node:zlib";
import {
  AddJobFlowStepsCommand,
  AddTagsCommand,
  CancelStepsCommand,
  DescribeClusterCommand,
  DescribeStepCommand,
  EMRClient,
  ListBootstrapActionsCommand,
  ListClustersCommand,
  ListInstancesCommand,
  ListStepsCommand,
  RunJobFlowCommand,
  type RunJobFlowCommandInput,
  SetTerminationProtectionCommand,
  TerminateJobFlowsCommand,
} from "@aws-sdk/client-emr";
import { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { zipSync } from "fflate";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  aws,
  bashStep,
  basicCredentials,
  clientConfig,
  jobFlow,
  processes,
  put,
  type TestAccount,
  testAccount,
  until,
} from "../account-fixtures.ts";

let account: TestAccount;
let emr: EMRClient;
let s3: S3Client;

const bootstrap = `#!/bin/bash
set -euo pipefail
echo "installing $2"
test "\${UNRELATED_SECRET:-}" = ""
mkdir -p "$ORCHARD_PREFIX/opt/orchard"
python3.11 -m venv --without-pip "$ORCHARD_PREFIX/opt/orchard/python"
aws s3 cp "$1" "$ORCHARD_PREFIX/opt/orchard/words.txt"
`;

const count = `
import sys
from pyspark.sql import SparkSession
import helper
spark = SparkSession.builder.getOrCreate()
rows = spark.read.text(sys.argv[1]).count()
workers = spark.sparkContext.parallelize([0]).map(lambda _: sys.executable).collect()
row = (rows, helper.DOUBLE(rows), sys.executable, workers[0])
spark.createDataFrame([row], "rows long, doubled long, driver string, worker string").coalesce(1).write.json(sys.argv[2])
spark.stop()
`;

beforeAll(async () => {
  process.env["UNRELATED_SECRET"] = "of the account's own environment";
  account = await testAccount();
  emr = new EMRClient(clientConfig(account));
  s3 = new S3Client({ ...clientConfig(account), forcePathStyle: true });
  await put(account, "data", {
    "bootstrap.sh": bootstrap,
    "bad.sh": "echo 'no space left' >&2; exit 4",
    "words.txt": "a\nb\nc\n",
    "count.py": count,
    "lib.zip": zipSync({ "helper.py": Buffer.from("DOUBLE = lambda n: 2 * n\n") }),
  });
}, 180_000);

afterAll(() => account?.remove(), 180_000);

function run(more: object = {}) {
  return emr
    .send(new RunJobFlowCommand(jobFlow("test", more) as RunJobFlowCommandInput))
    .then(({ JobFlowId }) => JobFlowId ?? "");
}

function describeCluster(ClusterId: string) {
  return emr.send(new DescribeClusterCommand({ ClusterId })).then(({ Cluster }) => Cluster);
}

function reached(clusterId: string, ...states: string[]) {
  return until(
    () => describeCluster(clusterId),
    (cluster) => states.includes(cluster?.Status?.State ?? ""),
  );
}

function addSteps(JobFlowId: string, ...Steps: ReturnType<typeof bashStep>[]) {
  return emr.send(new AddJobFlowStepsCommand({ JobFlowId, Steps })).then(({ StepIds }) => StepIds ?? []);
}

function finished(ClusterId: string, StepId: string) {
  return until(
    () => emr.send(new DescribeStepCommand({ ClusterId, StepId })).then(({ Step }) => Step),
    (step) => ["COMPLETED", "FAILED", "CANCELLED"].includes(step?.Status?.State ?? ""),
  );
}

async function log(key: string): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: "data", Key: key }));
  return gunzipSync((await Body?.transformToByteArray()) ?? new Uint8Array()).toString("utf8");
}

test("a cluster that the AWS CLI creates bootstraps, runs Spark on s3://, logs and is terminated", async () => {
  const create = [
    ["--name", "cli"],
    ["--release-label", "emr-7.13.0"],
    ["--applications", "Name=Spark"],
    ["--log-uri", "s3://data/logs/emr/"],
    ["--service-role", "EMR_DefaultRole"],
    ["--ec2-attributes", "InstanceProfile=EMR_EC2_DefaultRole"],
    ["--instance-groups", "InstanceGroupType=MASTER,InstanceCount=1,InstanceType=m5.xlarge"],
    ["--no-auto-terminate", "--tags", "owner=me"],
    ["--bootstrap-actions", "Path=s3://data/bootstrap.sh,Name=install,Args=[s3://data/words.txt,wheels]"],
  ].flat();
  const python = "/opt/orchard/python/bin/python";
  const submit = ["spark-submit", "--master", "yarn", "--deploy-mode", "cluster"];
  const conf = [
    "--conf",
    `spark.pyspark.python=${python}`,
    "--conf",
    `spark.yarn.appMasterEnv.PYSPARK_PYTHON=${python}`,
  ];
  const args = ["--py-files", "s3://data/lib.zip", "s3://data/count.py", "s3://data/words.txt", "s3://data/out"];

  const { ClusterId: id } = await aws(account, "emr", "create-cluster", ...create);
  const [stepId = ""] = await addSteps(id, {
    ...bashStep("count", ""),
    HadoopJarStep: { Jar: "command-runner.jar", Args: [...submit, ...conf, ...args] },
  });
  const step = await finished(id, stepId);
  const listed = await emr.send(new ListClustersCommand({ ClusterStates: ["RUNNING", "WAITING"] }));
  const described = await describeCluster(id);
  const { Steps } = await emr.send(new ListStepsCommand({ ClusterId: id }));
  await emr.send(new TerminateJobFlowsCommand({ JobFlowIds: [id] }));
  const ended = await reached(id, "TERMINATED");

  expect(id).toMatch(/^j-[A-Z0-9]{13}$/);
  expect(step?.Status?.State, await log(`logs/emr/${id}/steps/${stepId}/stderr.gz`)).toBe("COMPLETED");
  expect(listed.Clusters?.map(({ Id }) => Id)).toContain(id);
  expect(described).toMatchObject({
    Name: "cli",
    Tags: [{ Key: "owner", Value: "me" }],
    LogUri: "s3n://data/logs/emr/",
  });
  expect(Steps?.[0]).toMatchObject({ Id: stepId, Name: "count", Config: { Jar: "command-runner.jar" } });
  expect(ended?.Status?.StateChangeReason).toEqual({ Code: "USER_REQUEST", Message: "Terminated by user request" });
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: "data" }));
  const keys = Contents.map(({ Key }) => Key ?? "");
  const part = keys.find((key) => key.startsWith("out/part-")) ?? "";
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: "data", Key: part }));
  const node = `${account.directory}/emr/${id}/node${python}`;
  const row = JSON.parse((await Body?.transformToString()) ?? "");
  expect(row).toEqual({ rows: 3, doubled: 6, driver: node, worker: node });
  const bootstrapLog = keys.find((key) => /node\/i-[0-9a-f]{17}\/bootstrap-actions\/1\/stdout\.gz$/.test(key)) ?? "";
  expect(await log(bootstrapLog)).toContain("installing wheels");
  for (const name of ["controller", "stderr", "stdout", "syslog"]) {
    expect(keys).toContain(`logs/emr/${id}/steps/${stepId}/${name}.gz`);
  }
  expect(
    keys.some((key) => /containers\/application_\d+_0001\/container_\d+_0001_01_000001\/stderr\.gz$/.test(key)),
  ).toBe(true);
});

test("a failed bootstrap action terminates the cluster with EMR's message, and its log is uploaded", async () => {
  const action = { Name: "bad", ScriptBootstrapAction: { Path: "s3://data/bad.sh", Args: [] } };

  const id = await run({ LogUri: "s3://data/badlogs/", BootstrapActions: [action] });
  const cluster = await reached(id, "TERMINATED_WITH_ERRORS");

  const { Code, Message = "" } = cluster?.Status?.StateChangeReason ?? {};
  expect(Code).toBe("BOOTSTRAP_FAILURE");
  const instance =
    /^On the master instance \((i-[0-9a-f]{17})\), bootstrap action 1 returned a non-zero return code$/.exec(
      Message,
    )?.[1];
  expect(await log(`badlogs/${id}/node/${instance}/bootstrap-actions/1/stderr.gz`)).toBe("no space left\n");
});

test("steps run one at a time; a failed one has details, and pending and running ones can be cancelled", async () => {
  const id = await run({ LogUri: "s3://data/steplogs" });
  const [bad = "", good = "", long = "", waiting = ""] = await addSteps(
    id,
    bashStep("bad", "echo 'ValueError: no rows' >&2; exit 3"),
    bashStep("good", "exit 0"),
    bashStep("long", "sleep 4713.1"),
    bashStep("waiting", "exit 0"),
  );
  await until(
    async () => processes("sleep 4713."),
    (found) => found.length > 0,
  );

  const cancelled = await emr.send(new CancelStepsCommand({ ClusterId: id, StepIds: [long, waiting, good] }));

  expect(cancelled.CancelStepsInfoList?.map(({ Status }) => Status)).toEqual(["SUBMITTED", "SUBMITTED", "FAILED"]);
  const statuses = await Promise.all([bad, good, long, waiting].map((step) => finished(id, step)));
  expect(statuses.map((step) => step?.Status?.State)).toEqual(["FAILED", "COMPLETED", "CANCELLED", "CANCELLED"]);
  expect(statuses[0]?.Status?.FailureDetails).toEqual({
    Reason: "Unknown Error.",
    Message: "ValueError: no rows",
    LogFile: `s3://data/steplogs/${id}/steps/${bad}/stderr.gz`,
  });
  expect(processes("sleep 4713.")).toEqual([]);
});

test("a cluster ends after a failed TERMINATE_CLUSTER step, or without keep-alive after its last step", async () => {
  const strict = await run({ Steps: [{ ...bashStep("bad", "exit 1"), ActionOnFailure: "TERMINATE_CLUSTER" }] });
  const { Instances } = jobFlow("");
  const brief = await run({
    Instances: { ...Instances, KeepJobFlowAliveWhenNoSteps: false },
    Steps: [bashStep("good", "exit 0")],
  });

  const failed = await reached(strict, "TERMINATED_WITH_ERRORS");
  const done = await reached(brief, "TERMINATED");

  expect(failed?.Status?.StateChangeReason?.Code).toBe("STEP_FAILURE");
  expect(done?.Status?.StateChangeReason?.Code).toBe("ALL_STEPS_COMPLETED");
});

test("a protected cluster is not terminated, terminating twice is allowed, and a terminated cluster takes no steps", async () => {
  const id = await run();
  await reached(id, "WAITING");
  const protect = (on: boolean) =>
    emr.send(new SetTerminationProtectionCommand({ JobFlowIds: [id], TerminationProtected: on }));
  const terminate = () => emr.send(new TerminateJobFlowsCommand({ JobFlowIds: [id] }));

  await protect(true);
  await expect(terminate()).rejects.toMatchObject({
    name: "ValidationException",
    message: expect.stringContaining("termination protected"),
  });
  await protect(false);
  await terminate();
  await reached(id, "TERMINATED");
  await terminate();

  await expect(addSteps(id, bashStep("late", "exit 0"))).rejects.toThrow(
    /shutting down, terminated, or finished may not be modified/,
  );
});

test("tags, bootstrap actions and instances are returned as requested", async () => {
  const action = {
    Name: "install",
    ScriptBootstrapAction: { Path: "s3://data/bootstrap.sh", Args: ["s3://data/words.txt", "w"] },
  };
  const id = await run({
    Tags: [{ Key: "a", Value: "1" }],
    BootstrapActions: [action],
  });

  await emr.send(
    new AddTagsCommand({ ResourceId: id, Tags: [{ Key: "b", Value: "arn:aws:states:x:1:execution:m:n" }] }),
  );

  expect(await describeCluster(id)).toMatchObject({
    Tags: [
      { Key: "a", Value: "1" },
      { Key: "b", Value: "arn:aws:states:x:1:execution:m:n" },
    ],
    Ec2InstanceAttributes: { IamInstanceProfile: "EMR_EC2_DefaultRole" },
  });
  const { BootstrapActions } = await emr.send(new ListBootstrapActionsCommand({ ClusterId: id }));
  expect(BootstrapActions?.[0]).toEqual({
    Name: "install",
    ScriptPath: "s3://data/bootstrap.sh",
    Args: ["s3://data/words.txt", "w"],
  });
  const { Instances } = await emr.send(new ListInstancesCommand({ ClusterId: id }));
  expect(Instances).toHaveLength(3);
  const { Clusters } = await emr.send(
    new ListClustersCommand({ ClusterStates: ["TERMINATED_WITH_ERRORS"], CreatedAfter: new Date() }),
  );
  expect(Clusters).toEqual([]);
});

test.each([
  ["a release label", { ReleaseLabel: "emr-9" }, /release label is invalid/],
  ["an instance profile's ARN", { JobFlowRole: "arn:aws:iam::000000000000:instance-profile/x" }, /name, not its ARN/],
  ["no instance profile", { JobFlowRole: undefined }, /InstanceProfile is required/],
  ["a tag's characters", { Tags: [{ Key: "k", Value: "a*b" }] }, /Invalid tag value: 'a\*b'/],
  ["an idle timeout", { AutoTerminationPolicy: { IdleTimeout: 1 } }, /between 60 and 604800/],
  ["a step's jar", { Steps: [{ Name: "s", HadoopJarStep: { Jar: "s3://x/y.jar" } }] }, /command-runner\.jar only/],
  ["a security configuration", { SecurityConfiguration: "x" }, /with name 'x' does not exist/],
  ["an enumeration", { ScaleDownBehavior: "NEVER" }, /Member must satisfy enum value set/],
  ["a type", { Name: 3 }, /Member must be a string/],
  ["a length", { Name: "n".repeat(300) }, /Member must have length less than or equal to 256/],
  [
    "a missing member",
    { Steps: [{ Name: "s" }] },
    /'Steps\.1\.member\.HadoopJarStep' failed to satisfy constraint: Member must not be null/,
  ],
])("RunJobFlow refuses %s", async (_case, change, message) => {
  await expect(run(change)).rejects.toMatchObject({
    name: "ValidationException",
    message: expect.stringMatching(message),
  });
});

test("unknown members, unknown clusters and more than ten ids are refused", async () => {
  const body = JSON.stringify(jobFlow("x", { KeepAlive: true }));
  const headers = {
    ...basicCredentials(account),
    "x-amz-target": "ElasticMapReduce.RunJobFlow",
    "content-type": "application/x-amz-json-1.1",
  };

  const response = await fetch(account.endpoint, { method: "POST", headers, body });

  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    __type: "ValidationException",
    message: expect.stringContaining("'KeepAlive'"),
  });
  await expect(describeCluster("j-NONE")).rejects.toMatchObject({
    name: "InvalidRequestException",
    message: "Cluster id 'j-NONE' is not valid.",
  });
  await expect(emr.send(new TerminateJobFlowsCommand({ JobFlowIds: Array(11).fill("j-X") }))).rejects.toThrow(
    /more than 10/,
  );
});
