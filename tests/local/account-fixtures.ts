import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { CreateFunctionCommand, GetFunctionCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { zipSync } from "fflate";
import getPort from "get-port";
import { type Account, startAccount } from "../../local/account.ts";
import { waitUntil } from "../../shared/wait-until.ts";

/** The region of the embedded account. */
export const region = "eu-central-1";

export const project = join(import.meta.dirname, "../..");

export interface TestAccount extends Account {
  readonly directory: string;
  /** Stops the account and removes its directory. */
  remove(): Promise<void>;
}

/** Starts an account on a free port, with a new directory whose name needs quoting. */
export async function testAccount(): Promise<TestAccount> {
  const directory = mkdtempSync(join(tmpdir(), "orchard's account é-"));
  const account = await startAccount({ port: await getPort(), directory });
  const remove = async () => {
    await account.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  return { ...account, directory, remove };
}

/** An account as its clients see it. */
export type Reachable = Pick<Account, "env">;

export function clientConfig({ env }: Reachable) {
  return { endpoint: env["AWS_ENDPOINT_URL"] ?? "", region, credentials: credentials({ env }), maxAttempts: 1 };
}

export function credentials({ env }: Reachable) {
  return { accessKeyId: env["AWS_ACCESS_KEY_ID"] ?? "", secretAccessKey: env["AWS_SECRET_ACCESS_KEY"] ?? "" };
}

/** Returns the header with which a request without a signature is accepted. */
export function basicCredentials(account: Reachable) {
  const { accessKeyId, secretAccessKey } = credentials(account);
  return { authorization: `Basic ${btoa(`${accessKeyId}:${secretAccessKey}`)}` };
}

/** Returns the mails that the account's mailbox has received. */
export async function mails(account: Reachable): Promise<readonly object[]> {
  const response = await fetch(`${account.env["AWS_ENDPOINT_URL"]}/_orchard/mail`, {
    headers: basicCredentials(account),
  });
  return (await response.json()) as object[];
}

/** Makes EMR refuse the next call of an operation on a cluster. */
export async function throttle(account: Reachable, operation: string, clusterId: string): Promise<void> {
  const answer = await fetch(`${account.env["AWS_ENDPOINT_URL"]}/_orchard/throttle`, {
    method: "POST",
    headers: basicCredentials(account),
    body: JSON.stringify({ operation, clusterId }),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

/** Runs the AWS CLI with the account's environment only. Returns its output, parsed when it is JSON. */
export async function aws({ env }: Reachable, ...args: readonly string[]) {
  const { stdout } = await promisify(execFile)(join(project, ".orchard/python/bin/aws"), args, {
    env: { ...env, HOME: tmpdir(), PATH: "/usr/bin:/bin" },
    maxBuffer: 16 * 1024 * 1024,
  });
  try {
    return JSON.parse(stdout);
  } catch {
    return stdout;
  }
}

/** Creates a bucket with objects. */
export async function put(account: Reachable, bucket: string, objects: Readonly<Record<string, string | Uint8Array>>) {
  const s3 = new S3Client({ ...clientConfig(account), forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  for (const [key, body] of Object.entries(objects)) {
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
  }
}

/** @param source the text of index.mjs, or a zip archive */
export async function createFunction(
  account: Reachable,
  name: string,
  source: string | Uint8Array,
  timeoutSeconds = 60,
  roleArn = "arn:aws:iam::000000000000:role/any",
) {
  await new LambdaClient(clientConfig(account)).send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: "nodejs22.x",
      Handler: "index.handler",
      Role: roleArn,
      Timeout: timeoutSeconds,
      Environment: { Variables: { GREETING: "hello" } },
      Code: { ZipFile: typeof source === "string" ? zipSync({ "index.mjs": Buffer.from(source) }) : source },
    }),
  );
}

/** Returns the address of the account's MiniStack, which the URL of a function's code has. */
export async function ministackOf(account: Reachable, functionName: string): Promise<string> {
  const command = new GetFunctionCommand({ FunctionName: functionName });
  const { Code } = await new LambdaClient(clientConfig(account)).send(command);
  return `http://127.0.0.1:${new URL(Code?.Location ?? "").port}`;
}

/** Reads a value until it satisfies the condition. @throws Error after the given time */
export async function until<T>(read: () => Promise<T>, isDone: (value: T) => boolean, seconds = 120): Promise<T> {
  let last: T | undefined;
  const isSatisfied = async (): Promise<boolean> => {
    last = await read();
    return isDone(last);
  };
  if (!(await waitUntil(isSatisfied, { timeoutMs: seconds * 1000 }))) {
    throw new Error(`Not within ${seconds} s; the last value was ${JSON.stringify(last)}`);
  }
  return last as T;
}

/** Returns the command lines of all processes that contain a text. */
export function processes(text: string): readonly string[] {
  const lines = existsSync("/proc/self/cmdline")
    ? readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .map(commandLine)
    : execFileSync("/bin/ps", ["-A", "-o", "args="], { encoding: "utf8" }).split("\n");
  return lines.filter((line) => line.includes(text));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return ""; // the process has ended since it was listed
  }
}

/** Returns the smallest RunJobFlow request for a cluster that waits for steps. */
export function jobFlow(name: string, more: object = {}) {
  return {
    Name: name,
    ReleaseLabel: "emr-7.13.0",
    ServiceRole: "EMR_DefaultRole",
    JobFlowRole: "EMR_EC2_DefaultRole",
    Instances: {
      KeepJobFlowAliveWhenNoSteps: true,
      InstanceGroups: [
        { InstanceRole: "MASTER" as const, InstanceType: "m5.xlarge", InstanceCount: 1 },
        { InstanceRole: "CORE" as const, InstanceType: "m5.xlarge", InstanceCount: 2 },
      ],
    },
    ...more,
  };
}

/** Returns the Instances of a cluster with fleets, as the planner writes them. */
export function fleets(more: object = {}) {
  const types = (...names: string[]) => names.map((InstanceType) => ({ InstanceType, WeightedCapacity: 1 }));
  return {
    KeepJobFlowAliveWhenNoSteps: true,
    InstanceFleets: [
      { InstanceFleetType: "MASTER" as const, TargetOnDemandCapacity: 1, InstanceTypeConfigs: types("m5.xlarge") },
      {
        InstanceFleetType: "CORE" as const,
        TargetOnDemandCapacity: 1,
        TargetSpotCapacity: 2,
        InstanceTypeConfigs: types("m5.2xlarge", "m5a.2xlarge"),
        LaunchSpecifications: {
          SpotSpecification: { TimeoutDurationMinutes: 10, TimeoutAction: "SWITCH_TO_ON_DEMAND" as const },
        },
      },
    ],
    ...more,
  };
}

/** Returns a step that runs a bash script. */
export function bashStep(name: string, script: string) {
  return {
    Name: name,
    ActionOnFailure: "CONTINUE" as const,
    HadoopJarStep: { Jar: "command-runner.jar", Args: ["bash", "-c", script] },
  };
}
