import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { AddJobFlowStepsCommand, DescribeClusterCommand, EMRClient, RunJobFlowCommand } from "@aws-sdk/client-emr";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { HeadObjectCommand, ListBucketsCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import {
  CreateTopicCommand,
  GetTopicAttributesCommand,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import getPort from "get-port";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AccountRunning, PortInUse, startAccount } from "../../local/account.ts";
import { accountEnv } from "../../local/account-env.ts";
import { findRunningAccount } from "../../local/account-record.ts";
import {
  bashStep,
  clientConfig,
  createFunction,
  jobFlow,
  mails,
  processes,
  project,
  put,
  until,
} from "./account-fixtures.ts";

const port = await getPort();
const endpoint = `http://127.0.0.1:${port}`;
let directory: string;
const reachable = {
  get env() {
    return accountEnv(endpoint, directory);
  },
};
const children: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "orchard-life-"));
});

afterEach(async () => {
  for (const child of children
    .splice(0)
    .filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)) {
    child.kill("SIGTERM"); // left by a failed test
    await once(child, "exit");
  }
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

function s3(): S3Client {
  return new S3Client({ ...clientConfig(reachable), forcePathStyle: true });
}

/** Invokes a function. @returns its answer as JSON */
async function invoke(FunctionName: string): Promise<string | undefined> {
  const { Payload } = await new LambdaClient(clientConfig(reachable)).send(new InvokeCommand({ FunctionName }));
  return Payload?.transformToString();
}

/** Starts an account in a process of its own, which a test can kill. */
async function startProcess(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(project, "local/account-main.ts"), String(port), directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  await Promise.race([
    once(child.stdout ?? child, "data"),
    once(child, "exit").then(() => Promise.reject(new Error("The account did not start."))),
  ]);
  return child;
}

test("an account killed during a step leaves no process, and the next one has its state and shows what was interrupted", async () => {
  const child = await startProcess();
  await put(reachable, "data", { "a b/é #1.txt": "kept" });
  await createFunction(reachable, "kept", "export const handler = async () => 'kept';");
  await invoke("kept");
  const sfn = new SFNClient(clientConfig(reachable));
  const emr = new EMRClient(clientConfig(reachable));
  const states = { Rest: { Type: "Wait", Seconds: 60, End: true } };
  const definition = JSON.stringify({ StartAt: "Rest", States: states });
  const { stateMachineArn } = await sfn.send(
    new CreateStateMachineCommand({ name: "kept", definition, roleArn: "arn:aws:iam::000000000000:role/r" }),
  );
  const { executionArn } = await sfn.send(new StartExecutionCommand({ stateMachineArn }));
  const { JobFlowId } = await emr.send(new RunJobFlowCommand(jobFlow("killed")));
  await emr.send(
    new AddJobFlowStepsCommand({ JobFlowId, Steps: [bashStep("work", "sleep 4714.1 & exec sleep 4714.2")] }),
  );
  await until(
    async () => processes("sleep 4714."),
    (found) => found.length >= 3,
  );

  child.kill("SIGKILL");
  await once(child, "exit");
  await until(
    async () => [...processes("sleep 4714."), ...processes(directory)],
    (found) => found.length === 0,
  );
  const account = await startAccount({ port, directory });

  try {
    const execution = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    expect(execution).toMatchObject({
      status: "ABORTED",
      cause: "The embedded account stopped while this execution ran.",
    });
    const { Cluster } = await emr.send(new DescribeClusterCommand({ ClusterId: JobFlowId }));
    expect(Cluster?.Status).toMatchObject({
      State: "TERMINATED_WITH_ERRORS",
      StateChangeReason: { Code: "INTERNAL_ERROR" },
    });
    const { Contents } = await s3().send(new ListObjectsV2Command({ Bucket: "data" }));
    expect(Contents).toMatchObject([{ Key: "a b/é #1.txt" }]);
    expect(await invoke("kept")).toBe('"kept"');
    await sfn.send(new StartExecutionCommand({ stateMachineArn }));
    const calls = readFileSync(join(directory, "api-calls.jsonl"), "utf8");
    expect(calls).toContain("StartExecution");
    expect(calls).not.toContain("CreateStateMachine");
  } finally {
    await account.stop();
  }
  expect(processes(directory)).toEqual([]);
});

/** Writes the saved state of a stack. */
function saveStack(folder: string, status: string): void {
  const stacks = {
    __account_region_scoped__: true,
    data: { "000000000000\0eu-central-1\0'S'": { StackStatus: status } },
  };
  const saved = JSON.stringify({ __ministack_format__: 2, payload: { stacks } });
  writeFileSync(join(folder, "ministack/state/cloudformation.json"), saved);
}

test("after a kill the account starts with its buckets, or with none if a stack was incomplete", async () => {
  const first = await startAccount({ port, directory });
  await put(reachable, "data", { "a.txt": "a" });
  await first.stop();

  const buckets: [status: string, names: unknown][] = [];
  for (const status of ["CREATE_COMPLETE", "CREATE_IN_PROGRESS", "ROLLBACK_COMPLETE"]) {
    const copy = mkdtempSync(join(tmpdir(), "orchard-stack-"));
    cpSync(directory, copy, { recursive: true });
    saveStack(copy, status);
    const next = await startAccount({ port, directory: copy });
    const { Buckets = [] } = await s3().send(new ListBucketsCommand());
    await next.stop();
    rmSync(copy, { recursive: true, force: true, maxRetries: 5 });
    buckets.push([status, Buckets.map(({ Name }) => Name)]);
  }

  expect(buckets).toEqual([
    ["CREATE_COMPLETE", ["data"]],
    ["CREATE_IN_PROGRESS", []],
    ["ROLLBACK_COMPLETE", []],
  ]);
});

test("SIGTERM ends the account's steps and functions", async () => {
  const child = await startProcess();
  const emr = new EMRClient(clientConfig(reachable));
  await createFunction(
    reachable,
    "slow",
    "export const handler = () => new Promise((done) => setTimeout(done, 60_000));",
    60,
  );
  const invocation = invoke("slow").catch(() => undefined);
  await emr.send(
    new RunJobFlowCommand({
      ...jobFlow("stopped"),
      Steps: [bashStep("work", "trap '' TERM; sleep 4715.1; sleep 4715.2")],
    }),
  );
  await until(
    async () => [processes("sleep 4715."), processes(join(directory, "lambda"))],
    (found) => found.every((list) => list.length > 0),
  );

  child.kill("SIGTERM");
  await once(child, "exit");
  await invocation;

  expect(processes("sleep 4715.")).toEqual([]);
  expect(processes(directory)).toEqual([]);
  expect(await findRunningAccount(directory)).toBeUndefined();
});

test("starting twice throws AccountRunning for the same directory and PortInUse for another one", async () => {
  const account = await startAccount({ port, directory });
  const other = mkdtempSync(join(tmpdir(), "orchard-other-"));

  try {
    expect(await findRunningAccount(directory)).toMatchObject({ pid: process.pid, endpoint });
    await expect(startAccount({ port: await getPort(), directory })).rejects.toThrow(AccountRunning);
    await expect(startAccount({ port, directory: other })).rejects.toThrow(PortInUse);
    await expect(startAccount({ port, directory: other })).rejects.toThrow(`Port ${port} is in use`);
  } finally {
    await account.stop();
    rmSync(other, { recursive: true, force: true });
  }
});

test("of two starts at once on different ports, one has the directory and the other says so", async () => {
  const ports = [port, await getPort()];

  const started = await Promise.allSettled(ports.map((each) => startAccount({ port: each, directory })));

  const accounts = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const reasons = started.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  expect(reasons).toEqual([expect.objectContaining({ name: "AccountBusy" })]);
  expect(String(reasons[0])).toContain(`starting or stopping the embedded account of ${directory}`);
  expect(await findRunningAccount(directory)).toMatchObject({ endpoint: accounts[0]?.endpoint });
  await Promise.all(accounts.map((account) => account.stop()));
  await (await startAccount({ port, directory })).stop();
});

test("the account starts in spite of unreadable files, names each, and keeps a copy", async () => {
  const unreadable = {
    "emr/j-1/cluster.json": "",
    "executions/machine/name.json": '{"executionArn": "arn',
    "mail/1-000000.json": "",
    "credentials.json": "\0\0",
    "ministack/state/sns.json": '{"__ministack_format__": 3, "payl',
  };
  for (const [name, text] of Object.entries(unreadable)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  const logged: string[] = [];

  const account = await startAccount({ port, directory, log: (line) => logged.push(line) });

  expect(await mails(account)).toEqual([]);
  for (const name of Object.keys(unreadable)) expect(logged.join("\n")).toContain(join(directory, name));
  const copies = readdirSync(directory, { recursive: true }).filter((name) => String(name).includes("unreadable"));
  expect(copies).toHaveLength(6); // with the folder of MiniStack's state
  await account.stop();
});

test("the account starts in spite of a stale record whose process id another program has", async () => {
  const otherPort = await getPort();
  const server = createServer((_request, response) => response.end("{}")).listen(otherPort, "127.0.0.1");
  const stale = { pid: process.pid, endpoint: `http://127.0.0.1:${otherPort}` };
  writeFileSync(join(directory, "account.json"), JSON.stringify(stale));

  const account = await startAccount({ port, directory });

  expect(account.env).toMatchObject({ AWS_ENDPOINT_URL: endpoint, AWS_REGION: "eu-central-1" });
  await account.stop();
  server.close();
});

test("the account starts in spite of an incomplete record and writes a new one at once", async () => {
  writeFileSync(join(directory, "account.json"), "");

  const starting = startAccount({ port, directory });
  const early = await until(
    async () => readFileSync(join(directory, "account.json"), "utf8"),
    (text) => text !== "",
  );
  const answer = await fetch(`${endpoint}/_orchard/health`);
  const account = await starting;

  expect(answer.status).toBe(503);
  expect(JSON.parse(early)).toMatchObject({ pid: process.pid, endpoint, supervisorPid: expect.any(Number) });
  await account.stop();
});

test("MiniStack ends when the account and its supervisor are killed", async () => {
  const child = await startProcess();
  const { supervisorPid = 0 } = (await findRunningAccount(directory)) ?? {};
  const table = () => execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat="], { encoding: "utf8" }).split("\n");
  const living = () =>
    table()
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , state]) => !state?.startsWith("Z"));
  const [ministack] = living().find(([, parent]) => Number(parent) === supervisorPid) ?? [];

  child.kill("SIGSTOP"); // keeps the account from cleaning up after the supervisor
  process.kill(supervisorPid, "SIGKILL");
  child.kill("SIGKILL");

  expect(ministack).toBeDefined();
  await until(
    async () => living().some(([pid]) => pid === ministack),
    (isAlive) => !isAlive,
  );
});

test("an account whose MiniStack dies logs it and stops", async () => {
  const logged: string[] = [];
  const account = await startAccount({ port, directory, log: (line) => logged.push(line) });
  const { supervisorPid = 0 } = (await findRunningAccount(directory)) ?? {};

  process.kill(supervisorPid, "SIGTERM");

  await until(
    () => findRunningAccount(directory),
    (running) => running === undefined,
  );
  await account.stop();
  expect(logged).toEqual([expect.stringMatching(/^MiniStack ended with exit code \d+, so the account stops/)]);
  expect(processes(directory)).toEqual([]);
});

test("the mailbox confirms its subscription and stores notifications; large S3 objects are streamed", async () => {
  const account = await startAccount({ port, directory });
  const sns = new SNSClient(clientConfig(reachable));

  try {
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "results" }));
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint: `${endpoint}/_orchard/mail` }));
    await until(
      () => sns.send(new GetTopicAttributesCommand({ TopicArn })),
      ({ Attributes }) => Attributes?.["SubscriptionsConfirmed"] === "1",
    );
    await sns.send(new PublishCommand({ TopicArn, Subject: "Orchard: done", Message: "300 images\né" }));
    const received = await until(
      () => mails(reachable),
      (list) => list.length > 0,
    );
    await put(reachable, "large", { "32MB.bin": new Uint8Array(32 * 1024 * 1024) });

    expect(received).toEqual([
      { subject: "Orchard: done", message: "300 images\né", topicArn: TopicArn, timestamp: expect.any(String) },
    ]);
    expect(await (await fetch(`${endpoint}/_orchard/health`)).json()).toEqual({ ok: true, pid: process.pid });
    const { ContentLength } = await s3().send(new HeadObjectCommand({ Bucket: "large", Key: "32MB.bin" }));
    expect(ContentLength).toBe(33_554_432);
  } finally {
    await account.stop();
  }
});
