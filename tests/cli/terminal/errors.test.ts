// Errors from outside of Orchard end in one message with a remedy, and never in a stack trace.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S3Client } from "@aws-sdk/client-s3";
import { execa } from "execa";
import getPort from "get-port";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { copyObjects } from "../../../cli/execution/copy-objects.ts";
import { describeFailure } from "../../../cli/terminal/describe-failure.ts";
import { root } from "../../../cli/toolchain/places.ts";
import { lockDirectory } from "../../../local/account-lock.ts";
import { json, queryError, useAws, xml } from "./aws-server.ts";
import { runInProcess } from "./in-process.ts";

const aws = useAws();
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "orchard-errors-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const noStackTrace = /^(?!.*\n +at )/s;
const logIn = /^There are no valid AWS credentials \(says AWS\)\. Log in, .*$/;

describe("credentials", () => {
  it.each([
    ["wrong", "InvalidClientTokenId", 403],
    ["wrong", "SignatureDoesNotMatch", 403],
    ["expired", "ExpiredToken", 403],
  ])("that are %s (%s) end with exit code 2 and how to log in", async (_, code, status) => {
    aws.answers["GetCallerIdentity"] = queryError(status, code);

    expect(await runInProcess("list")).toEqual({ exitCode: 2, stdout: "", stderr: expect.stringMatching(logIn) });
  });

  it("are missing where the profile does not exist, which the message names", async () => {
    for (const name of ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"]) vi.stubEnv(name, "/dev/null");
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");

    expect(await runInProcess("list", "--profile", "nobody")).toEqual({
      exitCode: 2,
      stdout: "",
      stderr: expect.stringMatching(/^There are no valid AWS credentials \(profile nobody: .*\)\. Log in, .*$/),
    });
  });

  it("may expire at a later request", async () => {
    aws.answers["DescribeStacks"] = queryError(403, "ExpiredToken");

    expect(await runInProcess("list")).toEqual({ exitCode: 2, stdout: "", stderr: expect.stringMatching(logIn) });
  });

  it("may lack a permission, which has exit code 1", async () => {
    aws.answers["DescribeStacks"] = queryError(403, "AccessDenied");

    expect(await runInProcess("list")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "AWS has refused a request (AccessDenied: says AWS).",
    });
  });
});

describe("an endpoint", () => {
  const noAnswer =
    /^No answer from AWS \(.+\)\. Check the network, the region and AWS_ENDPOINT_URL, and start again\.$/;

  it.each([
    ["of a region that does not exist", async () => "http://sts.eu-wset-1.invalid"],
    ["where nobody listens", async () => `http://127.0.0.1:${await getPort()}`],
  ])("%s has exit code 1", async (_, find) => {
    vi.stubEnv("AWS_ENDPOINT_URL_STS", await find());

    expect(await runInProcess("list")).toEqual({ exitCode: 1, stdout: "", stderr: expect.stringMatching(noAnswer) });
  });

  it("that never answers does not keep a command waiting", async () => {
    aws.answers["GetCallerIdentity"] = () => undefined;

    expect(await runInProcess("list")).toEqual({ exitCode: 1, stdout: "", stderr: expect.stringMatching(noAnswer) });
  });
});

describe("what does not exist", () => {
  it("is a stack in this region, with exit code 3", async () => {
    aws.answers["DescribeStacks"] = queryError(400, "ValidationError");

    expect(await runInProcess("list")).toEqual({
      exitCode: 3,
      stdout: "",
      stderr: "There is no stack Orchard in account 123456789012, eu-west-1. First: orchard deploy",
    });
  });

  it("is a run that Step Functions has forgotten, with exit code 3 and those that are there", async () => {
    aws.answers["DescribeExecution"] = json(400, { __type: "ExecutionDoesNotExist", message: "says AWS" });
    aws.answers["ListExecutions"] = json(200, {
      executions: [{ name: "later", executionArn: "arn", startDate: 1, status: "SUCCEEDED" }],
    });

    expect(await runInProcess("show", "earlier")).toEqual({
      exitCode: 3,
      stdout: "",
      stderr: "There is no run earlier. Did you mean later? All of them: orchard list",
    });
  });
});

describe("a download", () => {
  const listed = xml(
    200,
    "<ListBucketResult><Contents><Key>runs/1/manifest.json</Key><Size>9</Size><ETag>x-1</ETag></Contents></ListBucketResult>",
  );
  /** The message and the exit code of a command that copies the run's files. */
  async function copyTo(target: string) {
    const s3 = new S3Client({ endpoint: aws.endpoint, maxAttempts: 1, forcePathStyle: true });
    const copy = copyObjects(s3, { bucket: "data", key: "runs/1/" }, target);
    return copy.then(() => ["", 0], describeFailure);
  }

  it("that is cut ends with exit code 1 and leaves no part of a file", async () => {
    const target = join(folder, "cut");
    aws.answers["List"] = listed;
    aws.answers["Get"] = (response) => {
      response.writeHead(200, { "content-length": "9" }).write("half");
      setTimeout(() => response.destroy(), 50);
    };

    expect(await copyTo(target)).toEqual([
      expect.stringMatching(/^No answer from AWS \(.*aborted.*\)\. .* start again\.$/),
      1,
    ]);
    expect(readdirSync(target)).toEqual([]);
  });

  it("to a full disk ends with exit code 1", async () => {
    const target = join(folder, "full");
    mkdirSync(target);
    symlinkSync("/dev/full", join(target, "manifest.json.part"));
    aws.answers["List"] = listed;
    aws.answers["Get"] = (response) => response.writeHead(200, { "content-length": "9" }).end("123456789");

    expect(await copyTo(target)).toEqual([
      "The disk is full or the quota is used up. ENOSPC: no space left on device, write. Make room and start again.",
      1,
    ]);
  });
});

describe("the command line", () => {
  /** Runs a command in its own process, and writes its output to a file. */
  async function orchard(
    args: readonly string[],
    { home = folder, output = "/dev/null" }: { readonly home?: string; readonly output?: string },
  ) {
    const command = [process.execPath, join(root, "cli", "main.ts"), ...args];
    const { exitCode, stderr } = await execa("bash", ["-c", `exec "$@" > ${output}`, "bash", ...command], {
      reject: false,
      env: { ORCHARD_HOME: home },
    });
    return { exitCode, stderr };
  }

  it("reports a full disk for its output", async () => {
    const { exitCode, stderr } = await orchard(["completion", "bash"], { output: "/dev/full" });

    expect(stderr).toBe(
      "✖ The disk is full or the quota is used up. ENOSPC: no space left on device, write. Make room and start again.",
    );
    expect(exitCode).toBe(1);
  });

  it("reports a folder in which it cannot write", async () => {
    const file = join(folder, "a file");
    writeFileSync(file, "");
    const { exitCode, stderr } = await orchard(["local", "up"], { home: join(file, "home") });

    expect(stderr).toMatch(
      /✖ A file or folder cannot be used\. ENOTDIR: .*a file\/home'\. Change its permissions, or name another one\.$/,
    );
    expect(stderr).toMatch(noStackTrace);
    expect(exitCode).toBe(1);
  });

  it("reports another one that starts the account at the same time", async () => {
    const home = join(folder, "home");
    mkdirSync(join(home, "account"), { recursive: true });
    const lock = lockDirectory(join(home, "account"));
    const port = String(await getPort());
    const { exitCode, stderr } = await orchard(["local", "up", "--port", port], { home });
    lock?.release();

    expect(stderr).toMatch(/✖ Another process is starting or stopping the embedded account of .*, then try again\.$/);
    expect(stderr).toMatch(noStackTrace);
    expect(exitCode).toBe(2);
  });
});
